import { type PlannedResult, resultId } from '../reports/record/run-plan.ts';

/** A result is waiting for an instance, held by one, or settled. */
type State = 'waiting' | 'settled' | { readonly heldBy: number };

const mostInPart = 16;

/**
 * The results that one target owes, handed out in parts to the instances that ask. Results of one case stay together:
 * what a case did to a process before decides whether its other variants run.
 */
export class WorkQueue {
  /** In the order of the plan: a result is named by its place here. */
  readonly results: readonly PlannedResult[];
  readonly #caseOf: (result: PlannedResult) => string;
  readonly #instances: number;
  readonly #states: State[];
  readonly #places: ReadonlyMap<string, number>;
  readonly #settled = new Map<number, number>();
  #waiting = 0;
  /** No result before it waits. */
  #first = 0;

  /** @param isMissing whether a result is still owed. */
  constructor(
    results: readonly PlannedResult[],
    isMissing: (result: PlannedResult) => boolean,
    caseOf: (result: PlannedResult) => string,
    instances: number,
  ) {
    this.results = results;
    this.#caseOf = caseOf;
    this.#instances = instances;
    this.#states = results.map((result) => (isMissing(result) ? 'waiting' : 'settled'));
    this.#places = new Map(results.map((result, place) => [resultId(result), place]));
    this.#waiting = this.#states.filter((state) => state === 'waiting').length;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** Places of the next part: smaller and smaller, so that all instances end together. One instance gets all at once. */
  take(instance: number): number[] {
    const size =
      this.#instances === 1
        ? this.#waiting
        : Math.min(mostInPart, Math.max(1, Math.floor(this.#waiting / (2 * this.#instances))));
    return this.#takeAtLeast(size, instance);
  }

  takeAll(instance: number): number[] {
    return this.#takeAtLeast(this.#waiting, instance);
  }

  /** One result alone. */
  takeOne(result: PlannedResult, instance: number): number[] {
    const place = this.#placeOf(result);
    if (this.#states[place] !== 'waiting') return [];
    this.#hold(place, instance);
    return [place];
  }

  /** A result is on disk, written by an instance or for it. */
  settle(result: PlannedResult, instance: number): void {
    const place = this.#placeOf(result);
    if (this.#states[place] === 'settled') return;
    if (this.#states[place] === 'waiting') this.#waiting--;
    this.#states[place] = 'settled';
    this.#settled.set(instance, this.settledBy(instance) + 1);
  }

  settledBy(instance: number): number {
    return this.#settled.get(instance) ?? 0;
  }

  allWaiting(): PlannedResult[] {
    return this.results.filter((_, place) => this.#states[place] === 'waiting');
  }

  /** What an instance holds and has not settled. */
  heldBy(instance: number): PlannedResult[] {
    return this.results.filter((_, place) => this.#isHeldBy(place, instance));
  }

  /** What an instance holds waits again: its host ended. */
  giveBack(instance: number): void {
    for (const place of this.results.keys()) {
      if (!this.#isHeldBy(place, instance)) continue;
      this.#states[place] = 'waiting';
      this.#waiting++;
      this.#first = Math.min(this.#first, place);
    }
  }

  #takeAtLeast(size: number, instance: number): number[] {
    const taken: number[] = [];
    let lastCase: string | undefined;
    for (; this.#first < this.results.length; this.#first++) {
      const result = this.results[this.#first];
      if (result === undefined || this.#states[this.#first] !== 'waiting') continue;
      const ofCase = this.#caseOf(result);
      if (taken.length >= size && ofCase !== lastCase) break;
      lastCase = ofCase;
      this.#hold(this.#first, instance);
      taken.push(this.#first);
    }
    return taken;
  }

  #hold(place: number, instance: number): void {
    this.#states[place] = { heldBy: instance };
    this.#waiting--;
  }

  #isHeldBy(place: number, instance: number): boolean {
    const state = this.#states[place];
    return typeof state === 'object' && state.heldBy === instance;
  }

  #placeOf(result: PlannedResult): number {
    const place = this.#places.get(resultId(result));
    if (place === undefined) throw new RangeError(`${result.key} is none of this target's results`);
    return place;
  }
}
