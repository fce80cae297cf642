import type { UsedElement } from '../../drivers/port/port.ts';

/**
 * What came of a call. `skipped`: there was nothing to act on, or the transport has no such thing. `full`: the ring or the
 * memory has no room. `fenced`: a later request was answered. `answered`: a reply of its own came.
 */
export const outcomeClasses = [
  'skipped',
  'full',
  'made',
  'sent',
  'fenced',
  'acknowledged',
  'returned',
  'answered',
  'refused',
  'malformed',
  'closed',
  'silent',
  'died',
] as const;
export type OutcomeClass = (typeof outcomeClasses)[number];

/** Class numbers: places in `outcomeClasses`. */
export const outcomeNumber = Object.fromEntries(outcomeClasses.map((name, at) => [name, at])) as Readonly<
  Record<OutcomeClass, number>
>;

/** A call eventfd was not looked at. */
const notCounted = -1;

/**
 * What came of each call of a program, by its place. One object serves for any number of programs: it is written over by
 * the next one.
 */
export class Outcomes {
  #count = 0;
  #nextCalls = notCounted;
  #classes = new Uint8Array(64);
  /** Calls of the device that were seen, or `notCounted`. */
  #calls = new Int32Array(64);
  /** Where the used elements of a call begin in `#used`; those of the next call follow. */
  #usedFrom = new Uint32Array(65);
  readonly #used: UsedElement[] = [];
  /** Values that few calls have: of refusals, answers, statuses, positions. */
  readonly #values = new Map<number, bigint>();
  /** Bytes that came: of replies and of configuration. */
  readonly #bytes = new Map<number, Uint8Array>();
  /** Calls that an error of the driver ended: they may have done a part of what they say. */
  readonly #broken = new Set<number>();

  get count(): number {
    return this.#count;
  }

  restart(): void {
    this.#count = 0;
    this.#nextCalls = notCounted;
    this.#broken.clear();
    this.#used.length = 0;
    this.#values.clear();
    this.#bytes.clear();
  }

  add(outcome: OutcomeClass): void {
    if (this.#count === this.#classes.length) this.#grow();
    this.#classes[this.#count] = outcomeNumber[outcome];
    this.#calls[this.#count] = this.#nextCalls;
    this.#nextCalls = notCounted;
    this.#count++;
    this.#usedFrom[this.#count] = this.#used.length;
  }

  /** Of the call whose outcome is added next. */
  addUsed(elements: readonly UsedElement[]): void {
    for (const element of elements) this.#used.push(element);
  }

  /** Of the call whose outcome is added next. */
  setValue(value: bigint): void {
    this.#values.set(this.#count, value);
  }

  /** Of the call whose outcome is added next. */
  setBytes(bytes: Uint8Array): void {
    this.#bytes.set(this.#count, bytes);
  }

  /** Of the call whose outcome is added next. */
  setCalls(calls: number): void {
    this.#nextCalls = calls;
  }

  /** Of the call whose outcome is added next. */
  setBroken(): void {
    this.#broken.add(this.#count);
  }

  /** Whether the call was left out before it did anything. */
  wasLeftOut(call: number): boolean {
    const outcome = this.classOf(call);
    return (outcome === 'skipped' || outcome === 'full') && !this.#broken.has(call);
  }

  classOf(call: number): OutcomeClass {
    return outcomeClasses[this.#classes[call] ?? 0] as OutcomeClass;
  }

  /** Used elements that the call took, in their order. */
  usedOf(call: number): readonly UsedElement[] {
    return this.#used.slice(call === 0 ? 0 : this.#usedFrom[call], this.#usedFrom[call + 1]);
  }

  usedCountOf(call: number): number {
    return (this.#usedFrom[call + 1] ?? 0) - (call === 0 ? 0 : (this.#usedFrom[call] ?? 0));
  }

  /**
   * Calls of the device that were seen since its ring was attached; undefined where they were not looked at. The call of a
   * used element that was taken may still be under way.
   */
  callsOf(call: number): number | undefined {
    const calls = this.#calls[call] ?? notCounted;
    return calls === notCounted ? undefined : calls;
  }

  valueOf(call: number): bigint | undefined {
    return this.#values.get(call);
  }

  bytesOf(call: number): Uint8Array | undefined {
    return this.#bytes.get(call);
  }

  #grow(): void {
    const capacity = this.#classes.length * 2;
    const classes = new Uint8Array(capacity);
    classes.set(this.#classes);
    this.#classes = classes;
    const calls = new Int32Array(capacity);
    calls.set(this.#calls);
    this.#calls = calls;
    const usedFrom = new Uint32Array(capacity + 1);
    usedFrom.set(this.#usedFrom);
    this.#usedFrom = usedFrom;
  }
}
