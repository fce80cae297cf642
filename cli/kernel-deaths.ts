import type { PlannedResult } from '../reports/record/run-plan.ts';
import type { Expectation } from '../suites/runner/expectations.ts';
import type { KernelDeath } from './host-conversation.ts';

/** A result under which the kernel died, and which has to run alone before the death is attributed to it. */
export interface Suspect {
  readonly result: PlannedResult;
  readonly death: KernelDeath;
  /** Keys of the last cases that had run on the same boot. */
  readonly before: readonly string[];
}

/** By what a result is known to end kernels, and in which way. */
export type KnownEnd = Pick<Expectation, 'case' | 'how'>;

const deathsOfOneCase = 3;
const deathsOfOneTarget = 12;
const casesNamedBefore = 5;

/** Attributes deaths of a guest's kernel: a crash belongs to the case that repeats it alone on a fresh boot. */
export class KernelDeaths {
  /** Keys of the cases that began on the present kernel, oldest first. */
  #onThisKernel: string[] = [];
  #suspect: Suspect | undefined;
  /** Deaths by target and case. */
  readonly #proven = new Map<string, { count: number; signature: string }>();
  readonly #byTarget = new Map<string, number>();
  /** The first result that ended a kernel as was known, by target, case and what it was known by. */
  readonly #asKnown = new Map<string, { key: string; signature: string }>();
  readonly #knownEnd: (result: PlannedResult) => KnownEnd | undefined;

  /** @param knownEnd by what a result is known to end kernels: it counts towards no limit. */
  constructor(knownEnd: (result: PlannedResult) => KnownEnd | undefined = () => undefined) {
    this.#knownEnd = knownEnd;
  }

  booted(): void {
    this.#onThisKernel = [];
  }

  began(key: string): void {
    this.#onThisKernel.push(key);
  }

  /** It does not apply: it asked nothing of the present kernel. */
  didNotApply(key: string): void {
    this.#onThisKernel = this.#onThisKernel.filter((one) => one !== key);
  }

  /** What is to run next, and alone. */
  get suspect(): Suspect | undefined {
    return this.#suspect;
  }

  /** Keys of the last cases on the present kernel. */
  get lastCases(): string[] {
    return this.#onThisKernel.slice(-casesNamedBefore);
  }

  /** Whether the case that ran ended the kernel by itself; otherwise it is the suspect now. */
  isProven(result: PlannedResult, caseId: string, death: KernelDeath): boolean {
    const known = this.#knownEnd(result);
    if (known === undefined) this.#count(result.target);
    const before = this.#onThisKernel.slice(0, -1).slice(-casesNamedBefore);
    if (before.length > 0) {
      this.#suspect = { result, death, before };
      return false;
    }
    this.#suspect = undefined;
    if (known !== undefined) {
      const ofEntry = knownAs(result.target, caseId, known);
      const isAsKnown = known.how === undefined || known.how === death.how;
      if (isAsKnown && !this.#asKnown.has(ofEntry))
        this.#asKnown.set(ofEntry, { key: result.key, signature: death.signature });
      return true;
    }
    const id = caseOf(result.target, caseId);
    this.#proven.set(id, { count: (this.#proven.get(id)?.count ?? 0) + 1, signature: death.signature });
    return true;
  }

  /** The suspect has a result: it did not end the kernel, or the death was attributed in another way. */
  clear(): Suspect | undefined {
    const suspect = this.#suspect;
    this.#suspect = undefined;
    return suspect;
  }

  /** Why a result is not run: what its case, or its target, did to kernels before. */
  whyGivenUp(result: PlannedResult, caseId: string): string | undefined {
    const { target } = result;
    const wholly = this.whyTargetGivenUp(target);
    if (wholly !== undefined) return wholly;
    const known = this.#knownEnd(result);
    const tried = known && this.#asKnown.get(knownAs(target, caseId, known));
    if (tried !== undefined) return `left out: ${tried.key} ended the kernel as expected: ${tried.signature}`;
    const proven = this.#proven.get(caseOf(target, caseId));
    if (proven === undefined || proven.count < deathsOfOneCase) return undefined;
    return `this case ended the kernel ${proven.count} times: ${proven.signature}`;
  }

  whyTargetGivenUp(target: string): string | undefined {
    const count = this.#byTarget.get(target) ?? 0;
    return count >= deathsOfOneTarget ? `given up: the kernel died ${count} times` : undefined;
  }

  #count(target: string): void {
    this.#byTarget.set(target, (this.#byTarget.get(target) ?? 0) + 1);
  }
}

function caseOf(target: string, caseId: string): string {
  return `${target} ${caseId}`;
}

function knownAs(target: string, caseId: string, known: KnownEnd): string {
  return `${caseOf(target, caseId)} ${known.case}`;
}
