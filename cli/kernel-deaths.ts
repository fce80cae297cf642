import type { PlannedResult } from '../reports/record/run-plan.ts';
import type { KernelDeath } from './host-conversation.ts';

/** A result under which the kernel died, and which has to run alone before the death is attributed to it. */
export interface Suspect {
  readonly result: PlannedResult;
  readonly death: KernelDeath;
  /** Keys of the last cases that had run on the same boot. */
  readonly before: readonly string[];
}

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
  readonly #isKnown: (result: PlannedResult) => boolean;

  /** @param isKnown whether a result is known to end kernels: it counts towards no limit. */
  constructor(isKnown: (result: PlannedResult) => boolean = () => false) {
    this.#isKnown = isKnown;
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
    const isKnown = this.#isKnown(result);
    if (!isKnown) this.#count(result.target);
    const before = this.#onThisKernel.slice(0, -1).slice(-casesNamedBefore);
    if (before.length > 0) {
      this.#suspect = { result, death, before };
      return false;
    }
    this.#suspect = undefined;
    if (isKnown) return true;
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
  whyGivenUp(target: string, caseId: string): string | undefined {
    const wholly = this.whyTargetGivenUp(target);
    if (wholly !== undefined) return wholly;
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
