import type { RequirementSlug } from '../../../catalogue/catalogue.ts';
import { errorName } from '../../../wire/errno.ts';
import type { Tell } from '../observation.ts';

/** What a call may come to: a count or 0, an error number negated, any error, or anything where the text leaves it open. */
export type Allowed = number | 'error' | 'any';

export interface Rule {
  readonly allowed: Allowed;
  readonly requirement: RequirementSlug;
}

/** Told each time that something came to what a requirement alone lets it come to. */
export type Kept = (requirement: RequirementSlug) => void;

/** Tells what calls on a device came to that they may not. What was told once ends the judging of the device. */
export class CallCheck {
  readonly #tell: Tell;
  readonly #kept: Kept;
  isLost = false;

  constructor(tell: Tell, kept: Kept = () => {}) {
    this.#tell = tell;
    this.#kept = kept;
  }

  /** Whether the call came to what it may. */
  expect(what: string, actual: number, { allowed, requirement }: Rule): boolean {
    const isAllowed = allowed === 'any' || (allowed === 'error' ? actual < 0 : actual === allowed);
    if (!isAllowed) this.fail(requirement, what, wordsOf(allowed), wordsOf(actual));
    else if (allowed !== 'any' && !this.isLost) this.#kept(requirement);
    return isAllowed;
  }

  equal(requirement: RequirementSlug, what: string, actual: number | bigint, expected: number | bigint): boolean {
    return this.holds(actual === expected, requirement, what, String(expected), String(actual));
  }

  holds(isHeld: boolean, requirement: RequirementSlug, what: string, expected: string, actual: string): boolean {
    if (!isHeld) this.fail(requirement, what, expected, actual);
    else if (!this.isLost) this.#kept(requirement);
    return isHeld;
  }

  fail(requirement: RequirementSlug, what: string, expected: string, actual: string): void {
    if (!this.isLost) this.#tell({ requirement, what, expected, actual });
    this.isLost = true;
  }
}

const wordsOf = (result: Allowed): string =>
  typeof result === 'string' ? result : result < 0 ? errorName(result) : String(result);
