import type { Observation, ObservedEvent } from './event.ts';

/** Events in each of the three pages, and bytes of payload that a page can copy. */
const pageEvents = 4096;
const pageBytes = 1 << 19;

const messageKind = 0;
const notificationKind = 1;
const otherKind = 2;

const channels = ['front-end', 'back-end'] as const;
const directions = ['to-iut', 'from-iut'] as const;
const notifications = ['kick', 'call', 'err', 'log'] as const;

export type NotificationName = (typeof notifications)[number];

/** Columns of one page. Appending to a page allocates nothing for messages and notifications. */
class Page {
  readonly kinds = new Uint8Array(pageEvents);
  readonly times = new Float64Array(pageEvents);
  readonly first = new Uint32Array(pageEvents);
  readonly second = new Uint32Array(pageEvents);
  readonly third = new Float64Array(pageEvents);
  readonly starts = new Uint32Array(pageEvents);
  readonly lengths = new Uint32Array(pageEvents);
  readonly bytes = new Uint8Array(pageBytes);
  readonly others: (Observation | undefined)[] = [];
  count = 0;
  used = 0;
  firstSeq = 0;

  clear(firstSeq: number): void {
    this.count = 0;
    this.used = 0;
    this.others.length = 0;
    this.firstSeq = firstSeq;
  }
}

/**
 * The one ordered log of a case. It keeps the first 4,096 events and at least the last 4,096; what falls out
 * between them is counted in `dropped`, so a case of any length has bounded memory and still shows both ends.
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

  message(
    channel: 0 | 1,
    direction: 0 | 1,
    session: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    descriptors: number,
  ): number {
    const kept = Math.min(length, 4096);
    const page = this.#room(kept);
    const at = page.count++;
    page.kinds[at] = messageKind;
    page.times[at] = this.#now() - this.#origin;
    page.first[at] = channel | (direction << 1) | (session << 2);
    page.second[at] = descriptors;
    page.third[at] = length;
    page.starts[at] = page.used;
    page.lengths[at] = kept;
    const target = page.bytes;
    let to = page.used;
    for (let from = offset; from < offset + kept; from++) target[to++] = bytes[from] as number;
    page.used = to;
    return this.#next++;
  }

  /** @param what 0 kick, 1 call, 2 err, 3 log. */
  notification(what: 0 | 1 | 2 | 3, session: number, index: number, count: number): number {
    const page = this.#room(0);
    const at = page.count++;
    page.kinds[at] = notificationKind;
    page.times[at] = this.#now() - this.#origin;
    page.first[at] = what | (session << 2);
    page.second[at] = index;
    page.third[at] = count;
    page.starts[at] = page.used;
    page.lengths[at] = 0;
    return this.#next++;
  }

  /** For the rarer events; the observation is kept as it is, so its bytes must be a copy. */
  observe(observation: Observation): number {
    const page = this.#room(0);
    const at = page.count++;
    page.kinds[at] = otherKind;
    page.times[at] = this.#now() - this.#origin;
    page.others[at] = observation;
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
    if (page.kinds[at] === messageKind) {
      const start = page.starts[at] ?? 0;
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
    const observation = page.others[at];
    if (observation === undefined) throw new RangeError(`event ${seq} has no observation`);
    return { seq, timeUs, ...observation };
  }
}
