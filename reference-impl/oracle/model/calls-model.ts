import type { RequirementSlug } from '../../catalogue/catalogue.ts';
import type { RingLayout, RingPosition } from '../../virtqueue/ring.ts';
import type { LibertyName } from './liberties.ts';
import type { Tell } from './observation.ts';
import type { TransportRequirements } from './transport-requirements.ts';

export interface CallsModelOptions {
  readonly layout: RingLayout;
  readonly size: number;
  readonly position: RingPosition;
  readonly index: number;
  /** Its memory holds nothing of an earlier life. */
  readonly isFirstLife: boolean;
  readonly eventIdx: boolean;
  /** A call comes with its used element: what comes later was not asked for. */
  readonly callsAtOnce: boolean;
  /** The used idx of a split ring at which the driver asks for a call, with EVENT_IDX. */
  readonly usedEvent: number;
  /** The device may wait with its calls: by what it was told, none is owed at any time. */
  readonly maySaveCalls: () => boolean;
  readonly requirements: TransportRequirements;
  readonly tell: Tell;
  readonly take: (liberty: LibertyName) => void;
}

/** The ring that calls. */
export interface CallingRing {
  /** Nothing is claimed of it any more. */
  readonly isRingLost: () => boolean;
  readonly loseRing: () => void;
  /** It stopped, and what it uses is not called for any more. */
  readonly isQuiet: () => boolean;
}

const usedIdxPeriod = 0x1_0000;

/** The calls that a driver asks for. */
interface Asked {
  readonly how: 'each' | 'none' | 'at';
  /** Used elements and calls at that time, and slots of a packed ring that those elements took. */
  readonly used: number;
  readonly calls: number;
  readonly from: number | undefined;
  /** Used elements, or slots, that come ahead of the one with the call. */
  readonly after: number;
}

/** The calls of one life of a ring: which are owed for its used elements, and which nobody asked for. */
export class CallsModel {
  readonly #options: CallsModelOptions;
  readonly #ring: CallingRing;
  #hasCalls = true;
  /** Calls that were seen when the driver took the descriptor away. */
  #callsWhenSilenced: number | undefined;
  /** Calls that may come beside those of used elements. */
  #extraCalls = 0;
  /** What the driver asked for since the ring was attached. */
  #asked: Asked | undefined;
  /** By number of the used element: slots of the chains up to it. */
  readonly #slotsUsed: number[] = [];
  /** Used elements and calls at the last look. */
  #seenUsed = 0;
  #seenCalls = 0;
  /** Which calls the driver asks for is not known, until it asks anew. */
  #isLost = false;

  constructor(options: CallsModelOptions, ring: CallingRing) {
    this.#options = options;
    this.#ring = ring;
  }

  /** A chain of so many slots was used. */
  used(slots: number): void {
    this.#slotsUsed.push((this.#slotsUsed.at(-1) ?? 0) + slots);
  }

  /** Calls come where they are not counted, or are asked for while some may be under way. */
  lose(): void {
    this.#hasCalls = false;
    this.#isLost = true;
  }

  /** Some back-ends call at once where they get a descriptor. */
  moved({ calls, used, isHeard }: { calls: number; used: number; isHeard: boolean }): void {
    // In a later life, the descriptor of an earlier one may still be there.
    if (isHeard && !this.#hasCalls && !this.#options.isFirstLife) {
      this.#callsWhenSilenced = undefined;
      return;
    }
    if (isHeard && !this.#hasCalls) {
      // What was used while no one heard is not called for again.
      this.#seenUsed = used;
      this.#seenCalls = calls;
    }
    this.#hasCalls = isHeard;
    this.#callsWhenSilenced = isHeard ? undefined : calls;
    this.#extraCalls++;
  }

  calledByHand(): void {
    this.#extraCalls++;
  }

  /** @see ModelObservation `asked` */
  asked({ how, after, used, calls }: { how: Asked['how']; after: number; used: number; calls: number }): void {
    const { eventIdx, layout } = this.#options;
    this.#isLost = false;
    this.#asked = {
      how: how !== 'none' && eventIdx ? 'at' : how === 'at' ? 'each' : how,
      from: layout === 'split' ? used : this.#usedSlots(used),
      after: how === 'at' ? after : 0,
      used,
      calls,
    };
  }

  /** Slots of a packed ring that so many used elements took; undefined where not all of them were seen. */
  #usedSlots(used: number): number | undefined {
    return used === 0 ? 0 : this.#slotsUsed[used - 1];
  }

  /**
   * As many calls must have come, once so many used elements were seen. Behind a stop that waits for nothing, an element can
   * be one of what was in flight then, and the ring no longer calls.
   */
  owed(used: number): number {
    const wanted = this.#wanted(used);
    return wanted > 0 && this.#options.maySaveCalls() ? 0 : wanted;
  }

  /** As many calls are owed by a device that saves none. */
  #wanted(used: number): number {
    if (!this.#hasCalls || this.#isLost || this.#ring.isQuiet()) return 0;
    const isOwed = !this.#ring.isRingLost() && used > this.#seenUsed && this.#isCallOwed(this.#seenUsed, used);
    return isOwed ? this.#seenCalls + 1 : 0;
  }

  /** @see ModelObservation `calls` */
  looked(before: number, used: number, calls: number): void {
    const owed = this.owed(used);
    if (calls < owed) this.#tellCallMissing(used - this.#seenUsed);
    else if (owed > 0) this.#options.take('coalesced-calls');
    else if (calls < this.#wanted(used)) this.#options.take('saved-calls');
    if (!this.#ring.isRingLost() && !this.#isLost) this.#checkUnasked(used, calls);
    this.#checkSilenced(calls);
    // A call that came behind `before` may be that of an element behind `used`.
    this.#seenCalls = before;
    this.#seenUsed = used;
  }

  #isCallOwed(from: number, to: number): boolean {
    const { layout, eventIdx } = this.#options;
    if (this.#asked !== undefined) return this.#isAsked(this.#asked, from, to);
    // The driver area of a packed ring is zero: ENABLE. The flags of an available ring are, too.
    return layout === 'packed' || !eventIdx ? true : this.#passesEvent(from, to);
  }

  #isAsked(asked: Asked, from: number, to: number): boolean {
    return asked.how === 'at' ? this.#timesAsked(asked, from, to) > 0 : asked.how === 'each';
  }

  /** How often used elements pass the place that the driver named: it comes again with each two laps of a packed ring. */
  #timesAsked({ from: begun, after }: Asked, from: number, to: number): number {
    const { layout, size } = this.#options;
    const isSplit = layout === 'split';
    const [before, behind] = isSplit ? [from, to] : [this.#usedSlots(from), this.#usedSlots(to)];
    if (begun === undefined || before === undefined || behind === undefined) return 0;
    const period = isSplit ? usedIdxPeriod : 2 * size;
    const first = begun + after;
    const until = (end: number): number => Math.max(0, Math.ceil((end - first) / period));
    return until(behind) - until(before);
  }

  /** Calls that came since the driver asked for others. */
  #checkAsked({ how, used: since, calls: before }: Asked, used: number, calls: number): void {
    const { callsAtOnce, index, layout } = this.#options;
    if (!callsAtOnce || how === 'each' || (layout === 'split' && how === 'none')) return;
    const isKnown = layout === 'split' || this.#usedSlots(used) !== undefined;
    const asked = how === 'at' && this.#asked !== undefined ? this.#timesAsked(this.#asked, since, used) : 0;
    if (!isKnown || calls <= before + asked + this.#extraCalls) return;
    this.#ring.loseRing();
    const ofPacked =
      how === 'none' ? 'packed-driver-event-disable-withholds' : 'packed-no-notification-before-descriptor';
    this.#options.tell({
      requirement: layout === 'split' ? 'notify/no-notification-before-used-event' : `notify/${ofPacked}`,
      what: `calls of ring ${index} behind ${used - since} more used elements`,
      expected: String(asked),
      actual: String(calls - before),
    });
  }

  #passesEvent(from: number, to: number): boolean {
    const { position, usedEvent } = this.#options;
    const behindStart = (usedEvent - position.used) & 0xffff;
    return from <= behindStart && behindStart < to;
  }

  #checkUnasked(used: number, calls: number): void {
    const { layout, eventIdx, tell, take } = this.#options;
    const { noOtherCalls } = this.#options.requirements;
    if (this.#asked !== undefined) {
      this.#checkAsked(this.#asked, used, calls);
      return;
    }
    if (layout === 'packed' || !eventIdx) {
      if (calls > used) take('spurious-calls');
      if (noOtherCalls === undefined || calls <= used + 1 + this.#extraCalls) return;
      const what = `calls of ring ${this.#options.index} behind ${used} used elements`;
      tell({ requirement: noOtherCalls, what, expected: `${used + 1} at most`, actual: String(calls) });
      this.#ring.loseRing();
      return;
    }
    const asked = (this.#passesEvent(0, used) ? 1 : 0) + this.#extraCalls;
    if (calls > asked) take('first-call');
    if (calls <= asked + 1) return;
    const what = `calls of ring ${this.#options.index} behind ${used} used elements`;
    const requirement = 'notify/no-notification-before-used-event';
    tell({ requirement, what, expected: `${asked + 1} at most`, actual: String(calls) });
    this.#ring.loseRing();
  }

  /** Without a descriptor nothing is signalled where calls came before. */
  #checkSilenced(calls: number): void {
    const { silenced } = this.#options.requirements;
    const before = this.#callsWhenSilenced;
    if (this.#ring.isRingLost() || silenced === undefined || before === undefined || calls <= before) return;
    const what = `calls of ring ${this.#options.index} without a descriptor`;
    this.#options.tell({ requirement: silenced, what, expected: String(before), actual: String(calls) });
    this.#ring.loseRing();
  }

  #tellCallMissing(count: number): void {
    const { layout, eventIdx, index, tell } = this.#options;
    const ofSplit: RequirementSlug = eventIdx
      ? 'notify/passing-used-event-notifies'
      : 'notify/used-buffers-notified-with-flag-clear';
    tell({
      requirement: layout === 'packed' ? 'notify/packed-driver-event-enable-notifies' : ofSplit,
      what: `calls of ring ${index} behind ${count} more used elements`,
      expected: '1 at least',
      actual: '0',
    });
  }
}
