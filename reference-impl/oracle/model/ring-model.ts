import type { RequirementSlug } from '../../catalogue/catalogue.ts';
import { type RingLayout, type RingPosition, splitPosition } from '../../virtqueue/ring.ts';
import { type Invariant, requirementOfInvariant } from '../invariants.ts';
import { CallsModel, type CallsModelOptions } from './calls-model.ts';
import type { Completion, DeviceModel, Pending, Request } from './device-model.ts';
import type { RestReason } from './transport-requirements.ts';

export interface RingModelOptions extends CallsModelOptions {
  /** Accepted features of the device. */
  readonly features: bigint;
  readonly inOrder: boolean;
  /** Whether the target tells the used half of a packed position. */
  readonly tellsUsedPosition: boolean;
  /** Whether what is in flight is used before the ring says where it goes on. */
  readonly drainsAtStop: boolean;
  /** Whether it was set up without messages that a front-end may leave out. */
  readonly lacksMessages: boolean;
  /** Whether what is available is used while the ring is disabled, as a network device does with packets to send. */
  readonly usesWhileDisabled: boolean;
  /** Whether the driver said that it is ready: no buffer is used before. */
  readonly isServed: () => boolean;
  /** It met what a device may not recover from. */
  readonly breaks: () => void;
  readonly device: DeviceModel;
}

interface Chain {
  readonly id: number;
  readonly slots: number;
  readonly room: number;
  readonly pending: Pending;
  isPublished: boolean;
  isUsed: boolean;
}

/** One life of a ring: what was made available, what may come back, where it may stop, and which calls are owed. */
export class RingModel {
  readonly #options: RingModelOptions;
  /** In the order in which they were made available. */
  readonly #chains: Chain[] = [];
  readonly #outstanding = new Map<number, Chain>();
  readonly #everAdded = new Set<number>();
  /** The chain of the order that comes next. */
  #next = 0;
  #published = 0;
  #isLost = false;
  #isStopped = false;
  #isReset = false;
  /** The driver had said that it is ready, when the device was reset. */
  #wasServed = false;
  /** Used elements that a ring which stopped may show, and what it breaks by more; undefined where that is open. */
  #stoppedAt: { readonly used: number; readonly requirement: RequirementSlug } | undefined;
  /** What keeps it from using anything, with the used elements that there may be all the same. */
  readonly #rests = new Map<RestReason, number>();
  /** Its flags about kicks when the device was suspended. */
  #flagsAtRest = 0;
  /** What is submitted again first, in this order. */
  readonly #left: number[] = [];
  /** The calls that it owes. */
  readonly calls: CallsModel;

  constructor(options: RingModelOptions) {
    this.#options = options;
    this.calls = new CallsModel(options, {
      isRingLost: () => this.#isLost,
      loseRing: () => this.lose(),
      isQuiet: () => this.#isStopped && !options.drainsAtStop,
    });
  }

  /** Chains that were made available and not seen used: the device may still work on them. */
  get hasOutstanding(): boolean {
    return this.#outstanding.size > 0;
  }

  /** Whether what the device may still work on can change what is behind the rings. */
  get mayStillChange(): boolean {
    return [...this.#outstanding.values()].some(({ pending }) => pending.changesNothing !== true);
  }

  /** Published chains that the text promises to become used. */
  get owed(): number {
    return this.#isLost || !this.runs ? 0 : this.#chainsOwed();
  }

  /** Whether it runs, so that what is made available is looked at. */
  get runs(): boolean {
    return !this.#isStopped && this.#isAtRestBy.length === 0 && this.#options.isServed();
  }

  get index(): number {
    return this.#options.index;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** A transmit ring that is disabled uses what it discards. */
  get #isAtRestBy(): RestReason[] {
    const { usesWhileDisabled } = this.#options;
    return [...this.#rests.keys()].filter((by) => by !== 'disabled' || !usesWhileDisabled);
  }

  /** Stopped where it said, and empty: another life can begin there. */
  get isAtRest(): boolean {
    return (this.#isStopped || this.#chains.length === 0) && !this.#isLost && !this.hasOutstanding;
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  lose(): void {
    this.#isLost = true;
  }

  added(id: number, slots: number, request: Request): void {
    // What is added to a ring that stopped is not carried out.
    if (this.#isLost || this.#isStopped) return;
    if (request.isForbidden === true) {
      // The device may wait for another translation, which a miss elsewhere may bring.
      this.#isLost = true;
      this.#options.breaks();
      this.#options.device.lose();
      return;
    }
    const pending = this.#options.device.begin(request, this.#options.index, this.#options.features);
    if (pending.endsRing === true) {
      this.#isLost = true;
      this.#options.breaks();
      this.#options.take('ended-by-request');
      return;
    }
    const chain: Chain = { id, slots, room: request.room, pending, isPublished: false, isUsed: false };
    this.#chains.push(chain);
    this.#outstanding.set(id, chain);
    this.#everAdded.add(id);
  }

  published(): void {
    for (; this.#published < this.#chains.length; this.#published++) {
      (this.#chains[this.#published] as Chain).isPublished = true;
    }
  }

  /** The driver told of all that is available, or the device did not ask to be told. */
  kicked(): void {
    if (!this.#isLost && this.#published === this.#chains.length) this.#options.device.kicked?.(this.#options.index);
  }

  /**
   * @param used elements that memory shows since the ring was attached.
   * @param by what it is disabled by: of the ring itself, of its device, or of its memory.
   */
  enabled(isOn: boolean, used: number, by: RestReason, suppression: number): void {
    if (!isOn && this.#published > used) this.#options.take('in-flight-at-disabling');
    // What waits for a device that is suspended is not discarded.
    if (by === 'disabled') this.#options.device.enabled?.(this.#options.index, isOn, this.#published > used);
    if (by === 'suspended') this.#flagsAtRest = suppression;
    if (!isOn) this.#rests.set(by, this.#rests.get(by) ?? Math.max(used, this.#published));
    else this.#rests.delete(by);
  }

  /** A ring that is disabled uses nothing, but for packets that a transmit ring discards. */
  looked(used: number, suppression: number): void {
    this.#checkSuppression(suppression);
    this.#checkStopped(used);
    if (this.#isLost) return;
    this.#checkFlagsAtRest(suppression);
    for (const by of this.#isAtRestBy) {
      const before = this.#rests.get(by) ?? 0;
      const requirement = this.#options.requirements.rests[by];
      if (used <= before || requirement === undefined) continue;
      this.#isLost = true;
      const what = `used elements of ring ${this.#options.index} while it is ${by}`;
      this.#options.tell({ requirement, what, expected: `${before} at most`, actual: String(used) });
      return;
    }
  }

  #checkFlagsAtRest(flags: number): void {
    const { requirements, index, tell } = this.#options;
    const requirement = requirements.writesNothing;
    if (!this.#rests.has('suspended') || requirement === undefined || flags === this.#flagsAtRest) return;
    this.#isLost = true;
    const what = `flags of ring ${index} about kicks while its device is stopped`;
    tell({ requirement, what, expected: String(this.#flagsAtRest), actual: String(flags) });
  }

  #checkStopped(used: number): void {
    const stopped = this.#stoppedAt;
    if (this.#isLost || stopped === undefined || used <= stopped.used) return;
    this.#isLost = true;
    const what = `used elements of ring ${this.#options.index} while it is stopped`;
    const { requirement } = stopped;
    this.#options.tell({ requirement, what, expected: `${stopped.used} at most`, actual: String(used) });
  }

  /** The device was reset: the ring uses nothing more, but for what was in flight. */
  reset(used: number, requirement: RequirementSlug): void {
    this.#isStopped = true;
    this.#isReset = true;
    this.#wasServed = this.#options.isServed();
    this.ended();
    if (!this.#isLost) this.#stoppedAt = { used: Math.max(used, this.#published), requirement };
  }

  #checkSuppression(flags: number): void {
    const { layout, eventIdx, index, isFirstLife, tell } = this.#options;
    // What a device wrote with other features may still stand there.
    if (this.#isLost || !isFirstLife) return;
    const requirement = wrongSuppression(layout, eventIdx, flags);
    if (requirement === undefined) return;
    this.#isLost = true;
    tell({ requirement, what: `flags of ring ${index} about kicks`, expected: 'defined ones', actual: String(flags) });
  }

  /** @param isMarked the used descriptor of a packed ring says that something was written. */
  used(id: number, completion: Completion, isMarked = false): void {
    if (this.#isLost) return;
    const { layout, inOrder, take, tell } = this.#options;
    // What was in flight at a reset may be seen behind it.
    if (!this.#wasServed && !this.#options.isServed()) {
      const what = `a used element of ring ${this.#options.index} before DRIVER_OK`;
      this.#options.tell({
        requirement: 'status/no-buffers-before-driver-ok',
        what,
        expected: 'none',
        actual: String(id),
      });
      this.#isLost = true;
      return;
    }
    const chain = this.#outstanding.get(id);
    if (chain === undefined || !chain.isPublished) {
      const invariant = this.#everAdded.has(id) && chain === undefined ? 'usedOnce' : 'usedId';
      this.#tell(invariant, 'the id of a used element', 'that of a chain that is outstanding', String(id));
      this.#isLost = true;
      return;
    }
    if (!this.#isSubmittedInOrder(id)) return;
    const first = this.#chains[this.#next] as Chain;
    if (chain !== first) {
      if (inOrder) this.#tell('inOrder', 'the id of a used element', String(first.id), String(id));
      else take('completion-order');
    }
    if (completion.len > chain.room) {
      const expected = `${chain.room} at most: so long is the writable part`;
      this.#tell('usedLen', `the len of the used element of chain ${id}`, expected, String(completion.len));
    }
    if (isMarked && chain.room === 0) {
      const what = `the WRITE flag of the used descriptor of chain ${id}, which has nothing to write`;
      tell({ requirement: 'packed/used-write-flag-tells-of-data', what, expected: '0', actual: '1' });
    }
    chain.isUsed = true;
    this.calls.used(chain.slots);
    this.#outstanding.delete(id);
    while (this.#chains[this.#next]?.isUsed === true) this.#next++;
    chain.pending.complete(completion, layout);
  }

  /** A back-end that died left these chains in flight, by rising counter. */
  left(ids: readonly number[]): void {
    this.#left.push(...ids);
  }

  #isSubmittedInOrder(id: number): boolean {
    const [expected] = this.#left;
    if (expected === undefined || expected === id) {
      this.#left.shift();
      return true;
    }
    this.#isLost = true;
    this.#options.tell({
      requirement: 'vu-inflight/requests-resubmitted-in-counter-order',
      what: `the id of a used element of ring ${this.#options.index}, whose requests were in flight`,
      expected: String(expected),
      actual: String(id),
    });
    return false;
  }

  /** A wait of a whole deadline brought fewer used elements than the text owes. */
  unserved(count: number): void {
    if (this.#isLost) return;
    const { owed } = this;
    this.#isLost = true;
    const { lacksMessages, requirements } = this.#options;
    const requirement = lacksMessages
      ? 'vu-vring/ring-runs-without-call-and-err-messages'
      : this.#rests.has('disabled')
        ? requirements.discards
        : requirements.serves;
    if (owed < count || requirement === undefined) return;
    this.#options.tell({
      requirement,
      what: `chains of ring ${this.#options.index} that become used`,
      expected: `${count} of ${owed} that are outstanding`,
      actual: 'fewer',
    });
  }

  /**
   * @param used elements that memory shows since the ring was attached.
   * @returns whether chains may be in flight behind the stop.
   */
  stopped(position: RingPosition, used: number): boolean {
    const mayBeInFlight = this.#judgeStop(position, used);
    const isSeenWhole = !this.#isLost && !mayBeInFlight && used === this.#chains.filter(({ isUsed }) => isUsed).length;
    const slots = [...this.#outstanding.values()].reduce((sum, chain) => sum + chain.slots, 0);
    this.#options.device.ended?.(this.#options.index, isSeenWhole, slots === this.#options.size);
    return mayBeInFlight;
  }

  /** Its session ended, or its device was reset. */
  ended(): void {
    this.#options.device.ended?.(this.#options.index, false, false);
  }

  #judgeStop(position: RingPosition, used: number): boolean {
    this.#isStopped = true;
    if (this.#isLost) return false;
    if (used > this.#published) {
      this.#isLost = true;
      this.#tell('usedOnce', 'used elements of a ring that was stopped', `${this.#published} at most`, String(used));
      return false;
    }
    if (this.#isReset) {
      this.#options.take('position-behind-reset');
      return false;
    }
    // What is seen used now may have been in flight when the ring stopped.
    const mayBeInFlight = !this.#options.drainsAtStop && this.#chainsOwed() > 0;
    if (mayBeInFlight) this.#options.take('in-flight-at-stop');
    const expected = this.#behind(used);
    if (this.#isSame(expected, position)) {
      const { stopped } = this.#options.requirements;
      if (!mayBeInFlight && stopped !== undefined) this.#stoppedAt = { used, requirement: stopped };
      return mayBeInFlight;
    }
    this.#isLost = true;
    for (let taken = used + 1; taken <= this.#published; taken++) {
      // Which chains are used by then is open, and with it the used half.
      if (!isSameAvail(this.#behind(taken), position)) continue;
      if (this.#options.drainsAtStop) this.#tellUndrained(taken - used);
      else if (!mayBeInFlight) this.#options.take('in-flight-at-stop');
      return true;
    }
    const requirement = this.#options.requirements.position[this.#options.layout];
    if (requirement === undefined) return false;
    this.#options.tell({
      requirement,
      what: `where ring ${this.#options.index} goes on behind ${used} chains that were used`,
      expected: textOf(expected),
      actual: textOf(position),
    });
    return false;
  }

  #chainsOwed(): number {
    let owed = 0;
    for (const { pending, isPublished } of this.#outstanding.values()) if (pending.isOwed && isPublished) owed++;
    return owed;
  }

  #tellUndrained(count: number): void {
    this.#options.tell({
      requirement: 'vu-vring/get-vring-base-drains-ring',
      what: `chains of ring ${this.#options.index} in flight behind GET_VRING_BASE`,
      expected: '0',
      actual: String(count),
    });
  }

  /** Where a ring goes on behind so many chains. */
  #behind(count: number): RingPosition {
    const { position, size } = this.#options;
    switch (position.layout) {
      case 'split':
        return splitPosition((position.avail + count) & 0xffff);
      case 'packed': {
        const slots = this.#chains.slice(0, count).reduce((sum, chain) => sum + chain.slots, 0);
        const avail = moved(position.avail, position.availWrap, slots, size);
        const used = moved(position.used, position.usedWrap, slots, size);
        return { layout: 'packed', avail: avail.slot, availWrap: avail.wrap, used: used.slot, usedWrap: used.wrap };
      }
    }
  }

  #isSame(expected: RingPosition, actual: RingPosition): boolean {
    if (!isSameAvail(expected, actual)) return false;
    if (expected.layout === 'split' || actual.layout === 'split') return true;
    if (!this.#options.tellsUsedPosition) return true;
    return expected.used === actual.used && expected.usedWrap === actual.usedWrap;
  }

  #tell(invariant: Invariant, what: string, expected: string, actual: string): void {
    const requirement = requirementOfInvariant(invariant, this.#options.layout);
    if (requirement !== undefined) this.#options.tell({ requirement, what, expected, actual });
  }
}

/** Virtio 2.7.10 and 2.8.14: the requirement that these flags of the device break. */
function wrongSuppression(layout: RingLayout, eventIdx: boolean, flags: number): RequirementSlug | undefined {
  if (layout === 'split') {
    if (eventIdx) return flags === 0 ? undefined : 'notify/used-flags-zero-with-event-idx';
    return flags <= 1 ? undefined : 'notify/used-flags-zero-or-one';
  }
  if (flags > 3) return 'notify/packed-device-event-reserved-bits-zero';
  if (eventIdx) return flags === 3 ? 'notify/packed-device-event-flags-with-event-idx' : undefined;
  return flags >= 2 ? 'notify/packed-device-event-flags-without-event-idx' : undefined;
}

function isSameAvail(one: RingPosition, other: RingPosition): boolean {
  if (one.avail !== other.avail || one.layout !== other.layout) return false;
  return one.layout === 'split' || other.layout === 'split' || one.availWrap === other.availWrap;
}

function moved(slot: number, wrap: 0 | 1, by: number, size: number): { readonly slot: number; readonly wrap: 0 | 1 } {
  const behind = slot + by;
  const laps = Math.floor(behind / size);
  return { slot: behind % size, wrap: laps % 2 === 0 ? wrap : wrap === 1 ? 0 : 1 };
}

function textOf(position: RingPosition): string {
  switch (position.layout) {
    case 'split':
      return `available idx ${position.avail}`;
    case 'packed': {
      const { avail, availWrap, used, usedWrap } = position;
      return `available slot ${avail} wrap ${availWrap}, used slot ${used} wrap ${usedWrap}`;
    }
  }
}
