import type { Observation, ObservedEvent } from './event.ts';

/** Events in each of the three pages, and bytes of payload that a page can copy. */
const pageEvents = 4096;
const pageBytes = 1 << 19;

/** Bytes of one message that are kept. */
const keptBytes = 4096;
/** Shorter copies are faster by hand than by `set`. */
const copiedByHand = 64;

const messageKind = 0;
const notificationKind = 1;
const ringWriteKind = 2;
const otherKind = 3;

const channels = ['front-end', 'back-end'] as const;
const directions = ['to-iut', 'from-iut'] as const;
const notifications = ['kick', 'call', 'err', 'log'] as const;
const ringWrites = ['descriptor', 'available', 'available-idx', 'available-flags', 'used-event', 'used-seen'] as const;

export type NotificationName = (typeof notifications)[number];
export type RingWriteName = (typeof ringWrites)[number];

/** Numbers of what a ring write is, for `EventLog.ringWrite`. */
export const ringWriteNumber = {
  descriptor: 0,
  available: 1,
  'available-idx': 2,
  'available-flags': 3,
  'used-event': 4,
  'used-seen': 5,
} as const satisfies Record<RingWriteName, number>;

/** Columns of one page. Appending to a page allocates nothing, but for the rarer events. */
class Page {
  readonly kinds = new Uint8Array(pageEvents);
  readonly times = new Float64Array(pageEvents);
  readonly first = new Uint32Array(pageEvents);
  readonly second = new Uint32Array(pageEvents);
  readonly third = new Float64Array(pageEvents);
  readonly starts = new Uint32Array(pageEvents);
  readonly lengths = new Uint32Array(pageEvents);
  readonly bytes = new Uint8Array(pageBytes);
  /** Of ring writes, the address that `third` counts from. */
  readonly bases: bigint[] = new Array<bigint>(pageEvents).fill(0n);
  readonly others = new Map<number, Observation>();
  count = 0;
  used = 0;
  firstSeq = 0;

  clear(firstSeq: number): void {
    this.count = 0;
    this.used = 0;
    this.others.clear();
    this.firstSeq = firstSeq;
  }
}

/**
 * The one ordered log of a case. It keeps the first page of events and at least the last one; what falls out between
 * them is counted in `dropped`, so a case of any length has bounded memory and still shows both ends. A page holds
 * 4,096 events, or fewer whose bytes fill 512 KiB.
 */
export class EventLog {
  readonly #now: () => number;
  readonly #pages = [new Page(), new Page(), new Page()] as const;
  #current: Page = this.#pages[0];
  #next = 0;
  #dropped = 0;
  #origin: number;

  /** @param now a monotonic clock in microseconds. */
  constructor(now: () => number) {
    this.#now = now;
    this.#origin = now();
  }

  /** Sequence number that the next event will have. */
  get next(): number {
    return this.#next;
  }

  get dropped(): number {
    return this.#dropped;
  }

  /** Forgets everything; times count from now on. */
  restart(): void {
    for (const page of this.#pages) page.clear(0);
    this.#current = this.#pages[0];
    this.#next = 0;
    this.#dropped = 0;
    this.#origin = this.#now();
  }

  /**
   * @param channel 0 the front-end's, 1 the back-end's.
   * @param direction 0 to the IUT, 1 from it.
   * @param bytes copied from `offset` on, up to 4,096 of the `length` that were on the wire.
   * @returns the sequence number.
   */
  message(
    channel: 0 | 1,
    direction: 0 | 1,
    session: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    descriptors: number,
  ): number {
    const kept = Math.min(length, keptBytes);
    const page = this.#room(kept);
    const at = this.#begin(page, messageKind);
    page.first[at] = channel | (direction << 1) | (session << 2);
    page.second[at] = descriptors;
    page.third[at] = length;
    this.#copy(page, at, bytes, offset, kept);
    return this.#next++;
  }

  /**
   * @param what of `ringWriteNumber`.
   * @param index of the ring.
   * @param base address that `distance` counts from, in bytes.
   * @param bytes copied from `offset` on, `length` of them.
   */
  ringWrite(
    what: number,
    index: number,
    base: bigint,
    distance: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): number {
    const page = this.#room(length);
    const at = this.#begin(page, ringWriteKind);
    page.first[at] = what;
    page.second[at] = index;
    page.third[at] = distance;
    page.bases[at] = base;
    this.#copy(page, at, bytes, offset, length);
    return this.#next++;
  }

  /** @param what 0 kick, 1 call, 2 err, 3 log. */
  notification(what: 0 | 1 | 2 | 3, session: number, index: number, count: number): number {
    const page = this.#room(0);
    const at = this.#begin(page, notificationKind);
    page.first[at] = what | (session << 2);
    page.second[at] = index;
    page.third[at] = count;
    return this.#next++;
  }

  /** For the rarer events; the observation is kept as it is, so its bytes must be a copy. */
  observe(observation: Observation): number {
    const page = this.#room(0);
    const at = this.#begin(page, otherKind);
    page.others.set(at, observation);
    return this.#next++;
  }

  note(text: string): number {
    return this.observe({ kind: 'note', text });
  }

  /** A copy of all events that were kept, in order. */
  events(): ObservedEvent[] {
    const all: ObservedEvent[] = [];
    const ordered = [...this.#pages].filter((page) => page.count > 0).sort((a, b) => a.firstSeq - b.firstSeq);
    for (const page of ordered) for (let at = 0; at < page.count; at++) all.push(this.#event(page, at));
    return all;
  }

  #begin(page: Page, kind: number): number {
    const at = page.count++;
    page.kinds[at] = kind;
    page.times[at] = this.#now() - this.#origin;
    return at;
  }

  #copy(page: Page, at: number, bytes: Uint8Array, offset: number, length: number): void {
    const start = page.used;
    page.starts[at] = start;
    page.lengths[at] = length;
    page.used = start + length;
    if (length > copiedByHand) {
      page.bytes.set(bytes.subarray(offset, offset + length), start);
      return;
    }
    for (let n = 0; n < length; n++) page.bytes[start + n] = bytes[offset + n] as number;
  }

  #room(bytes: number): Page {
    const page = this.#current;
    if (page.count < pageEvents && page.used + bytes <= pageBytes) return page;
    const [head, even, odd] = this.#pages;
    const next = page === head || page === odd ? even : odd;
    this.#dropped += next.count;
    next.clear(this.#next);
    this.#current = next;
    return next;
  }

  #event(page: Page, at: number): ObservedEvent {
    const seq = page.firstSeq + at;
    const timeUs = page.times[at] ?? 0;
    const first = page.first[at] ?? 0;
    const second = page.second[at] ?? 0;
    const third = page.third[at] ?? 0;
    const start = page.starts[at] ?? 0;
    if (page.kinds[at] === messageKind) {
      return {
        seq,
        timeUs,
        kind: 'message',
        channel: channels[(first & 1) as 0 | 1],
        direction: directions[((first >> 1) & 1) as 0 | 1],
        session: first >>> 2,
        bytes: page.bytes.slice(start, start + (page.lengths[at] ?? 0)),
        length: third,
        descriptors: second,
      };
    }
    if (page.kinds[at] === notificationKind) {
      const what = notifications[(first & 3) as 0 | 1 | 2 | 3];
      return { seq, timeUs, kind: 'notification', what, session: first >>> 2, index: second, count: third };
    }
    if (page.kinds[at] === ringWriteKind) {
      return {
        seq,
        timeUs,
        kind: 'ring-write',
        what: ringWrites[first] ?? 'descriptor',
        index: second,
        address: (page.bases[at] ?? 0n) + BigInt(third),
        bytes: page.bytes.slice(start, start + (page.lengths[at] ?? 0)),
      };
    }
    const observation = page.others.get(at);
    if (observation === undefined) throw new RangeError(`event ${seq} has no observation`);
    return { seq, timeUs, ...observation };
  }
}
