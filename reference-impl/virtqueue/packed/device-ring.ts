import { type DeviceRingOptions, findArea, type RecordedChain, type RingAttachFailure } from '../attach-area.ts';
import { type Chain, type Completion, EMPTY_RING, type EmptyRing, type MalformedChain } from '../chain.ts';
import type { WalkedRing } from '../chain-walk.ts';
import type { DeviceRing, RingObserver } from '../device-ring.ts';
import { type PackedPosition, packedPosition, positionOf, type RingFeatures } from '../ring.ts';
import { walkPackedChain, walkRecorded } from './chain-walk.ts';
import { type PackedDeviceRules, packedDeviceRules } from './device-rules.ts';
import { isPackedQueueSize, packedAlignment, packedSizes } from './layout.ts';
import { PackedRing } from './ring-memory.ts';

export interface PackedDeviceOptions extends DeviceRingOptions {
  readonly rules?: PackedDeviceRules;
}

const noObserver: RingObserver = {};

/** The device side of a packed ring (virtio 2.8). */
export class PackedDevice implements DeviceRing {
  readonly layout = 'packed';
  readonly ring: PackedRing;
  readonly size: number;
  readonly #walked: WalkedRing;
  readonly #features: RingFeatures;
  readonly #rules: PackedDeviceRules;
  readonly #observer: RingObserver;
  readonly #resubmitted: readonly RecordedChain[];
  /** How many of the resubmitted chains were taken. */
  #resubmittedTaken = 0;
  readonly #keepsDescriptors: boolean | undefined;
  readonly #roundLength: number;
  #avail: number;
  #availWrap: 0 | 1;
  #used: number;
  #usedWrap: 0 | 1;
  #slotsSinceCall = 0;
  /** Chains that were carried out and wait on: for faults alone. */
  readonly #held: Completion[] = [];
  readonly #pendingNow = (): number => this.pending();
  /** What becomes used at one moment; undefined where each does by itself. */
  #together: Completion[] | undefined;

  /** Throws DriverUsageError for a position of another layout. `attachPackedDevice` finds the ring in memory. */
  constructor(options: PackedDeviceOptions, ring: PackedRing) {
    const { size, memory, bufferSpace, features, resubmitted = [], keepsDescriptors } = options;
    const { rules = packedDeviceRules, observer = noObserver } = options;
    this.ring = ring;
    this.size = size;
    this.#walked = { size, memory, bufferSpace, features };
    this.#features = features;
    this.#rules = rules;
    this.#observer = observer;
    ring.wrote = (area, offset, length) => observer.wroteRing?.(area, offset, length);
    this.#resubmitted = resubmitted;
    this.#keepsDescriptors = keepsDescriptors;
    this.#roundLength = this.#rules.roundLength(size);
    const earlier = options.earlier?.layout === 'packed' ? options.earlier : undefined;
    const position = this.#rules.firstPosition(positionOf('packed', options.position), earlier);
    this.#avail = position.avail;
    this.#availWrap = position.availWrap;
    this.#used = position.used;
    this.#usedWrap = position.usedWrap;
  }

  get position(): PackedPosition {
    return this.#rules.stopPosition(packedPosition(this.#avail, this.#availWrap, this.#used, this.#usedWrap));
  }

  /** A packed ring shows one chain that waits, and no count of them. */
  pending(): number {
    const slot = this.#rules.readSlot(this.ring, this.#avail, this.#availWrap);
    const shown = this.#rules.isAvailable(this.ring.flags(slot), this.#availWrap) ? 1 : 0;
    return shown + this.#resubmitted.length - this.#resubmittedTaken;
  }

  next(): Chain | MalformedChain | EmptyRing {
    if (this.#resubmittedTaken < this.#resubmitted.length)
      return this.#nextAgain(this.#resubmitted[this.#resubmittedTaken] as RecordedChain);
    const slot = this.#rules.readSlot(this.ring, this.#avail, this.#availWrap);
    const flags = this.ring.flags(slot);
    if (!this.#rules.isAvailable(flags, this.#availWrap)) return EMPTY_RING;
    const kept = this.#keepsDescriptors ? [] : undefined;
    const chain = walkPackedChain(this.#walked, this.ring, this.#rules, slot, this.#availWrap, flags, kept);
    if (chain.kind === 'malformed') return chain;
    this.#avail = slot + chain.slots;
    if (this.#avail >= this.#roundLength) {
      this.#avail -= this.#roundLength;
      this.#availWrap = this.#rules.nextWrap(this.#availWrap);
    }
    return chain;
  }

  #nextAgain(again: RecordedChain): Chain | MalformedChain {
    const chain = walkRecorded(this.#walked, this.#rules, again.id, again.descriptors);
    if (chain.kind === 'chain') this.#resubmittedTaken++;
    return chain;
  }

  mark(): () => void {
    const before = [this.#avail, this.#availWrap, this.#resubmittedTaken] as const;
    return () => {
      [this.#avail, this.#availWrap, this.#resubmittedTaken] = before;
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

  /** Virtio 2.8.21. */
  needsCall(): boolean {
    const moved = this.#slotsSinceCall;
    this.#slotsSinceCall = 0;
    return this.#rules.needsCall({
      features: this.#features,
      driverEvent: this.ring.driverEvent(),
      slot: this.#used,
      wrap: this.#usedWrap,
      moved,
      size: this.size,
    });
  }

  wantKicks(wanted: boolean): void {
    this.ring.setDeviceEvent(this.#rules.deviceEvent(this.#features, this.#avail, this.#availWrap, wanted));
  }

  /**
   * The flags of the first used descriptor are written last. Chains that join a batch have none of their own: the next
   * one that does stands in the slot of the first of them (virtio 2.8.8).
   */
  #useTogether(completions: readonly Completion[]): void {
    const first = this.#used;
    const last = completions.length - 1;
    let heldFlags: number | undefined;
    let slot = first;
    let wrap = this.#usedWrap;
    for (const [place, completion] of completions.entries()) {
      const { chain } = completion;
      this.#observer.using?.(chain);
      this.#pass(this.#rules.slotsPassed(chain));
      if (place < last && this.#rules.joinsBatch(completion, this.#features)) continue;
      const flags = this.#rules.usedFlags(completion, wrap);
      const isHeldBack = slot === first && place < last;
      if (isHeldBack) heldFlags = flags;
      this.#rules.publishUsed(
        this.ring,
        slot,
        this.#rules.usedId(chain),
        this.#rules.usedLen(completion),
        flags,
        isHeldBack,
      );
      slot = this.#used;
      wrap = this.#usedWrap;
    }
    if (heldFlags !== undefined) this.#rules.show(this.ring, first, heldFlags);
    for (const completion of completions) {
      this.#observer.used?.(completion.chain, this.position);
      this.#rules.afterwards(this.ring, first, completion);
    }
  }

  #pass(slots: number): void {
    this.#slotsSinceCall += slots;
    this.#used += slots;
    if (this.#used < this.#roundLength) return;
    this.#used -= this.#roundLength;
    this.#usedWrap = this.#rules.nextWrap(this.#usedWrap);
  }
}

export function attachPackedDevice(options: PackedDeviceOptions): PackedDevice | RingAttachFailure {
  if (!isPackedQueueSize(options.size)) return 'queue-size-unlawful';
  const { avail, used } = positionOf('packed', options.position);
  if (Math.max(avail, used) >= options.size) return 'position-outside-ring';
  const sizes = packedSizes(options.size);
  const descriptor = findArea(options, 'descriptor', sizes.descriptor, packedAlignment.descriptor, 'write');
  if (typeof descriptor === 'string') return descriptor;
  const driver = findArea(options, 'driver', sizes.driver, packedAlignment.driver, 'read');
  if (typeof driver === 'string') return driver;
  const device = findArea(options, 'device', sizes.device, packedAlignment.device, 'write');
  if (typeof device === 'string') return device;
  return new PackedDevice(options, new PackedRing(options.size, { descriptor, driver, device }));
}
