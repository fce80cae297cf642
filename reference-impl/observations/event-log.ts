import type {
  IoctlObservation,
  MessageObservation,
  Observation,
  ObservedEvent,
  RegionAccessObservation,
} from './event.ts';
import { eventKind, regionAccessNumber } from './event-numbers.ts';
import { EventPage, pageBytes, pageEvents } from './event-page.ts';
import { recordedEvent } from './recorded-event.ts';

/** Bytes of one message that are kept. */
const keptBytes = 4096;
/** Shorter copies are faster by hand than by `set`. */
const copiedByHand = 64;

/**
 * The one ordered log of a case. It keeps the first page of events and at least the last one; what falls out between
 * them is counted in `dropped`, so a case of any length has bounded memory and still shows both ends. A page holds
 * 4,096 events, or fewer whose bytes fill 512 KiB.
 */
export class EventLog {
  readonly #now: () => number;
  readonly #head = new EventPage();
  /** The two behind it, each made when it is first needed: few cases fill one. */
  readonly #later: EventPage[] = [];
  #current = this.#head;
  #next = 0;
  #nextSession = 0;
  #dropped = 0;
  #origin: number;
  /** Where the call that is under way stands, until it ends. */
  #callPage: EventPage | undefined;
  #callAt = 0;
  #callSeq = 0;

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

  /** Microseconds since the case began, of a moment on the clock of this log. */
  timeOf(clockUs: number): number {
    return clockUs - this.#origin;
  }

  /** A number for a session whose events enter this log: no other session has it. */
  nextSession(): number {
    return this.#nextSession++;
  }

  /** Forgets everything; times count from now on. */
  restart(): void {
    for (const page of this.#pages) page.clear(0);
    this.#current = this.#head;
    this.#next = 0;
    this.#dropped = 0;
    this.#callPage = undefined;
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
    const at = this.#begin(page, eventKind.message);
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
    const at = this.#begin(page, eventKind.ringWrite);
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
    const at = this.#begin(page, eventKind.notification);
    page.first[at] = what | (session << 2);
    page.second[at] = index;
    page.third[at] = count;
    return this.#next++;
  }

  /**
   * An access to a region that is about to be made; `endCall` says what came of it.
   * @param access of `regionAccessNumber`.
   * @param layout of `deviceLayoutNumber`.
   * @param length bytes asked for.
   * @param bytes what is written, up to 4,096 of which are copied, fewer than are asked for where the buffer ends before;
   * absent for a read or a mapping.
   */
  beginRegionAccess(
    access: number,
    layout: number,
    session: number,
    region: number,
    offset: number,
    length: number,
    bytes?: Uint8Array,
  ): number {
    const there = Math.min(length, bytes?.length ?? length, keptBytes);
    const kept = access === regionAccessNumber.map ? 0 : there;
    const page = this.#room(kept);
    const at = this.#begin(page, eventKind.regionAccess);
    page.first[at] = access | (layout << 2) | (session << 5);
    page.second[at] = region;
    page.third[at] = offset;
    page.asked[at] = length;
    if (bytes === undefined) this.#reserve(page, at, kept);
    else this.#copy(page, at, bytes, 0, kept);
    return this.#beginCall(page, at);
  }

  /**
   * A call that is about to be made; `endCall` says what came of it.
   * @param on of `ioctlPlaceNumber`.
   * @param layout of `deviceLayoutNumber`.
   * @param argument up to 4,096 bytes of which are copied, now and when the call ended.
   */
  beginIoctl(on: number, layout: number, session: number, request: number, argument: Uint8Array): number {
    const kept = Math.min(argument.length, keptBytes);
    const page = this.#room(2 * kept);
    const at = this.#begin(page, eventKind.ioctl);
    page.first[at] = on | (layout << 2) | (session << 5);
    page.second[at] = request;
    page.asked[at] = argument.length;
    this.#copy(page, at, argument, 0, kept);
    this.#copyTo(page, page.used, argument, 0, kept);
    page.used += kept;
    return this.#beginCall(page, at);
  }

  /**
   * The end of the call that was begun last.
   * @param result bytes done or what was returned, or an error number negated.
   * @param bytes what was read, or the argument as the call left it.
   */
  endCall(result: number, bytes?: Uint8Array): void {
    const page = this.#callPage;
    const at = this.#callAt;
    this.#callPage = undefined;
    // Events of the call itself may have filled pages since, and its own be gone.
    if (page === undefined || page.firstSeq + at !== this.#callSeq) return;
    page.results[at] = result;
    if (bytes === undefined) return;
    const start = page.starts[at] as number;
    const kept = page.lengths[at] as number;
    if (page.kinds[at] === eventKind.ioctl) {
      this.#copyTo(page, start + kept, bytes, 0, kept);
      return;
    }
    const read = Math.max(0, Math.min(result, kept));
    page.lengths[at] = read;
    this.#copyTo(page, start, bytes, 0, read);
  }

  /** For the rarer events; the observation is kept as it is, so its bytes must be a copy. */
  observe(observation: Observation): number {
    const page = this.#room(0);
    const at = this.#begin(page, eventKind.other);
    page.others.set(at, observation);
    return this.#next++;
  }

  note(text: string): number {
    return this.observe({ kind: 'note', text });
  }

  /** A copy of all events that were kept, in order. */
  events(): ObservedEvent[] {
    const all: ObservedEvent[] = [];
    for (const page of this.#ordered()) for (let at = 0; at < page.count; at++) all.push(recordedEvent(page, at));
    return all;
  }

  /** Copies of the messages from this sequence number on, in order. Undefined where an event in between fell out. */
  messagesFrom(seq: number): (MessageObservation & { readonly seq: number })[] | undefined {
    return this.#from(seq, [eventKind.message]) as (MessageObservation & { readonly seq: number })[] | undefined;
  }

  /** The same of calls on a device and accesses to its regions. */
  callsFrom(seq: number): (RegionAccessObservation | IoctlObservation)[] | undefined {
    const kinds = [eventKind.regionAccess, eventKind.ioctl];
    return this.#from(seq, kinds) as (RegionAccessObservation | IoctlObservation)[] | undefined;
  }

  #from(seq: number, kinds: readonly number[]): ObservedEvent[] | undefined {
    const found: ObservedEvent[] = [];
    let next = seq;
    for (const page of this.#ordered()) {
      if (page.firstSeq + page.count <= next) continue;
      if (page.firstSeq > next) return undefined;
      for (let at = next - page.firstSeq; at < page.count; at++) {
        if (kinds.includes(page.kinds[at] ?? -1)) found.push(recordedEvent(page, at));
      }
      next = page.firstSeq + page.count;
    }
    return found;
  }

  #ordered(): EventPage[] {
    return this.#pages.filter((page) => page.count > 0).sort((a, b) => a.firstSeq - b.firstSeq);
  }

  #begin(page: EventPage, kind: number): number {
    const at = page.count++;
    page.kinds[at] = kind;
    page.times[at] = this.#now() - this.#origin;
    return at;
  }

  #copy(page: EventPage, at: number, bytes: Uint8Array, offset: number, length: number): void {
    const start = page.used;
    this.#reserve(page, at, length);
    this.#copyTo(page, start, bytes, offset, length);
  }

  #reserve(page: EventPage, at: number, length: number): void {
    page.starts[at] = page.used;
    page.lengths[at] = length;
    page.used += length;
  }

  #copyTo(page: EventPage, start: number, bytes: Uint8Array, offset: number, length: number): void {
    if (length > copiedByHand) {
      page.bytes.set(bytes.subarray(offset, offset + length), start);
      return;
    }
    for (let n = 0; n < length; n++) page.bytes[start + n] = bytes[offset + n] as number;
  }

  #beginCall(page: EventPage, at: number): number {
    page.results[at] = Number.NaN;
    this.#callPage = page;
    this.#callAt = at;
    this.#callSeq = this.#next;
    return this.#next++;
  }

  get #pages(): EventPage[] {
    return [this.#head, ...this.#later];
  }

  #room(bytes: number): EventPage {
    const page = this.#current;
    if (page.count < pageEvents && page.used + bytes <= pageBytes) return page;
    const at = page === this.#later[0] ? 1 : 0;
    this.#later[at] ??= new EventPage();
    const next = this.#later[at];
    this.#dropped += next.count;
    next.clear(this.#next);
    this.#current = next;
    return next;
  }
}
