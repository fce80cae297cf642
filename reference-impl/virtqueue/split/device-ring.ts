import { type DeviceRingOptions, findArea, type RecordedChain, type RingAttachFailure } from '../attach-area.ts';
import { type Chain, type Completion, EMPTY_RING, type EmptyRing, type MalformedChain } from '../chain.ts';
import type { DeviceRing, RingObserver } from '../device-ring.ts';
import { positionOf, type RingFeatures, type SplitPosition, splitPosition } from '../ring.ts';
import { BigEndianSplitRing } from './big-endian-ring.ts';
import { type WalkedSplitRing, walkChain } from './chain-walk.ts';
import { type SplitDeviceRules, splitDeviceRules } from './device-rules.ts';
import { isQueueSize, splitAlignment, splitSizes } from './layout.ts';
import { SplitRing } from './ring-memory.ts';

/** `position` says where reading begins; the used idx is the one that the ring holds. */
export interface SplitDeviceOptions extends DeviceRingOptions {
  readonly rules?: SplitDeviceRules;
}

const noObserver: RingObserver = {};

/** The device side of a split ring (virtio 2.7). */
export class SplitDevice implements DeviceRing {
  readonly layout = 'split';
  readonly ring: SplitRing;
  readonly #walked: WalkedSplitRing;
  readonly #features: RingFeatures;
  readonly #rules: SplitDeviceRules;
  readonly #observer: RingObserver;
  readonly #resubmitted: readonly RecordedChain[];
  /** How many of the resubmitted chains were taken. */
  #resubmittedTaken = 0;
  #lastAvailIdx: number;
  #usedIdx: number;
  #callDecidedAt: number;
  /** Chains that were carried out and wait on: for faults alone. */
  readonly #held: Completion[] = [];
  readonly #pendingNow = (): number => this.pending();
  /** What becomes used at one moment; undefined where each does by itself. */
  #together: Completion[] | undefined;

  /** Throws DriverUsageError where the views are not fit for a ring; `attachSplitDevice` answers a reason instead. */
  constructor(options: SplitDeviceOptions, ring: SplitRing) {
    const { size, memory, bufferSpace, features, resubmitted = [] } = options;
    const { rules = splitDeviceRules, observer = noObserver } = options;
    this.ring = ring;
    this.#walked = { size, table: ring.table, isBigEndian: ring.isBigEndian, memory, bufferSpace, features };
    this.#features = features;
    this.#rules = rules;
    this.#observer = observer;
    ring.wrote = (area, offset, length) => observer.wroteRing?.(area, offset, length);
    this.#resubmitted = resubmitted;
    this.#lastAvailIdx = this.#rules.firstAvailIdx(positionOf('split', options.position).avail);
    const earlier = options.earlier?.layout === 'split' ? options.earlier.used : undefined;
    this.#usedIdx = this.#rules.firstUsedIdx(ring.usedIdx(), this.#lastAvailIdx, earlier);
    this.#callDecidedAt = this.#rules.callDecidedAt(this.#usedIdx, earlier);
  }

  /** The next available idx to read. */
  get lastAvailIdx(): number {
    return this.#lastAvailIdx;
  }

  get size(): number {
    return this.ring.size;
  }

  /** The used idx as this side counts it. */
  get usedIdx(): number {
    return this.#usedIdx;
  }

  get position(): SplitPosition {
    return splitPosition(this.#rules.base(this.#lastAvailIdx, this.#usedIdx), this.#usedIdx);
  }

  /** More than the queue size only where a driver made its idx jump. */
  pending(): number {
    return (
      this.#rules.pending(this.ring.availIdx(), this.#lastAvailIdx, this.ring.size) +
      this.#resubmitted.length -
      this.#resubmittedTaken
    );
  }

  next(): Chain | MalformedChain | EmptyRing {
    if (this.#resubmittedTaken < this.#resubmitted.length)
      return this.#nextAgain(this.#resubmitted[this.#resubmittedTaken] as RecordedChain);
    const pending = this.pending();
    if (pending === 0) return EMPTY_RING;
    const reason = this.#rules.acceptsPending(pending, this.ring.size);
    if (reason !== undefined) return { kind: 'malformed', id: undefined, reason };
    const head = this.ring.availHead(this.#rules.availSlot(this.#lastAvailIdx, this.ring.size));
    const chain = walkChain(this.#walked, this.#rules, head, false);
    if (chain.kind === 'chain') {
      this.#lastAvailIdx = this.#rules.nextAvailIdx(this.#lastAvailIdx, head, pending, this.ring.size);
    }
    return chain;
  }

  #nextAgain(again: RecordedChain): Chain | MalformedChain {
    const chain = walkChain(this.#walked, this.#rules, again.id, true);
    if (chain.kind === 'chain') this.#resubmittedTaken++;
    return chain;
  }

  mark(): () => void {
    const before = [this.#lastAvailIdx, this.#resubmittedTaken] as const;
    return () => {
      [this.#lastAvailIdx, this.#resubmittedTaken] = before;
    };
  }

  complete(chain: Chain, written: number): void {
    const completions = this.#rules.completions({ chain, written }, this.#held, this.#pendingNow, this.#features);
    for (const completion of completions) {
      if (this.#together === undefined) this.#useTogether([completion]);
      else this.#together.push(completion);
    }
  }

  beginTogether(): void {
    this.#together = [];
  }

  endTogether(): void {
    const completions = this.#together ?? [];
    this.#together = undefined;
    this.#useTogether(completions);
  }

  /** The used idx moves with the last of the elements. */
  #useTogether(completions: readonly Completion[]): void {
    const shown = this.#usedIdx;
    const last = completions.length - 1;
    for (const [place, completion] of completions.entries()) {
      this.#observer.using?.(completion.chain);
      const id = this.#rules.usedId(completion.chain);
      const len = this.#rules.usedLen(completion);
      this.pushUsed(id, len, place < last ? shown : undefined);
    }
    for (const completion of completions) {
      this.#observer.used?.(completion.chain, this.position);
      this.#rules.afterwards(this.ring, completion);
    }
  }

  /** Writes one used element and moves the used idx; or leaves it as it is shown, until a later one moves it. */
  pushUsed(id: number, len: number, shownIdx?: number): void {
    const next = this.#rules.nextUsedIdx(this.#usedIdx);
    const slot = this.#rules.usedSlot(this.#usedIdx, this.ring.size);
    this.#rules.publishUsed(this.ring, slot, id, len, shownIdx ?? next);
    this.#usedIdx = next;
  }

  /** Virtio 2.7.7.2. */
  needsCall(): boolean {
    const before = this.#callDecidedAt;
    this.#callDecidedAt = this.#usedIdx;
    return this.#rules.needsCall({
      features: this.#features,
      availFlags: this.ring.availFlags(),
      usedEvent: this.ring.usedEvent(),
      before,
      now: this.#usedIdx,
    });
  }

  /** Virtio 2.7.10. */
  wantKicks(wanted: boolean): void {
    this.ring.setUsedFlags(this.#rules.usedFlags(this.#features, wanted));
    const event = this.#rules.availEvent(this.#features, this.#lastAvailIdx, wanted);
    if (event !== undefined) this.ring.setAvailEvent(event);
  }
}

export function attachSplitDevice(options: SplitDeviceOptions): SplitDevice | RingAttachFailure {
  if (!isQueueSize(options.size)) return 'queue-size-unlawful';
  const sizes = splitSizes(options.size);
  const descriptor = findArea(options, 'descriptor', sizes.descriptor, splitAlignment.descriptor, 'read');
  if (typeof descriptor === 'string') return descriptor;
  const driver = findArea(options, 'driver', sizes.driver, splitAlignment.driver, 'read');
  if (typeof driver === 'string') return driver;
  const device = findArea(options, 'device', sizes.device, splitAlignment.device, 'write');
  if (typeof device === 'string') return device;
  const Ring = options.isBigEndian === true ? BigEndianSplitRing : SplitRing;
  return new SplitDevice(options, new Ring(options.size, { descriptor, driver, device }));
}
