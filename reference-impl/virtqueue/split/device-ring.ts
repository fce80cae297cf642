import type { AddressSpace } from '../../memory/addresses.ts';
import { isFailure, type MemoryMap, type TranslationFailure } from '../../memory/memory-map.ts';
import { type MalformedChain, type WalkedRing, walkChain } from './chain.ts';
import { type Completion, type SplitDeviceRules, type SplitFeatures, splitDeviceRules } from './device-rules.ts';
import {
  availEventOffset,
  isQueueSize,
  type SplitRingPart,
  splitAlignment,
  splitSizes,
  USED_ELEMENT_SIZE,
  USED_IDX_OFFSET,
  usedElementOffset,
} from './layout.ts';
import { SplitRing } from './ring-memory.ts';
import type { SplitChain } from './split-chain.ts';

export interface SplitDeviceOptions {
  readonly size: number;
  readonly memory: MemoryMap;
  readonly addresses: Readonly<Record<SplitRingPart, bigint>>;
  /** The spaces that ring addresses and descriptor addresses are of. */
  readonly ringSpace: AddressSpace;
  readonly bufferSpace: AddressSpace;
  readonly features: SplitFeatures;
  /** The available idx to read first (SET_VRING_BASE). */
  readonly base: number;
  readonly rules?: SplitDeviceRules;
  /** Heads that were taken before and never used, to be taken again ahead of all others (inflight I/O tracking). */
  readonly resubmitted?: readonly number[];
  readonly observer?: RingObserver;
}

/** Who keeps a record of what a device side does: dirty logs, inflight regions. */
export interface RingObserver {
  /** A chain was taken from the available ring. */
  fetched?(head: number): void;
  /** The used idx is about to move past the used element of a chain. */
  using?(head: number): void;
  /** It has moved, to `usedIdx`. */
  used?(head: number, usedIdx: number): void;
  /** Bytes of the used ring were written, `offset` bytes into it. */
  wroteUsedRing?(offset: number, length: number): void;
}

/** Why a ring cannot be had as told. */
export type SplitAttachFailure =
  | 'queue-size-unlawful'
  | `${SplitRingPart}-misaligned`
  | `${SplitRingPart}-over-several-regions`
  | `${SplitRingPart}-${TranslationFailure}`;

const noObserver: RingObserver = {};
const EMPTY = { kind: 'empty' } as const;

/** The device side of a split ring (virtio 2.7). It trusts nothing in the ring; what is wrong is told as a value. */
export class SplitDevice {
  readonly ring: SplitRing;
  readonly #walked: WalkedRing;
  readonly #features: SplitFeatures;
  readonly #rules: SplitDeviceRules;
  readonly #observer: RingObserver;
  readonly #resubmitted: number[];
  #lastAvailIdx: number;
  #usedIdx: number;
  #callDecidedAt: number;
  #held: Completion[] = [];
  /** What becomes used at one moment; undefined where each does by itself. */
  #together: Completion[] | undefined;
  #spuriousKicks = 0;

  /** Throws DriverUsageError where the views are not fit for a ring; `attachSplitDevice` answers a reason instead. */
  constructor(options: SplitDeviceOptions, ring: SplitRing) {
    const { size, memory, bufferSpace, features } = options;
    this.ring = ring;
    this.#walked = { size, table: ring.table, memory, bufferSpace, features };
    this.#features = features;
    this.#rules = options.rules ?? splitDeviceRules;
    this.#observer = options.observer ?? noObserver;
    this.#resubmitted = [...(options.resubmitted ?? [])];
    this.#lastAvailIdx = this.#rules.firstAvailIdx(options.base);
    this.#usedIdx = this.#callDecidedAt = this.#rules.firstUsedIdx(ring.usedIdx(), this.#lastAvailIdx);
  }

  /** The next available idx to read. */
  get lastAvailIdx(): number {
    return this.#lastAvailIdx;
  }
  set lastAvailIdx(idx: number) {
    this.#lastAvailIdx = idx;
  }

  /** The used idx as this side counts it. */
  get usedIdx(): number {
    return this.#usedIdx;
  }

  /** The base to tell when the ring stops (GET_VRING_BASE). */
  get base(): number {
    return this.#rules.base(this.#lastAvailIdx);
  }

  /** Chains taken but not yet told as used. */
  get held(): number {
    return this.#held.length;
  }

  /** Chains that wait; more than the queue size only where a driver made its idx jump. */
  pending(): number {
    return this.#rules.pending(this.ring.availIdx(), this.#lastAvailIdx, this.ring.size) + this.#resubmitted.length;
  }

  /** Takes the next chain. A malformed one stays where it is: the idx does not move past it. */
  next(): SplitChain | MalformedChain | typeof EMPTY {
    const [again] = this.#resubmitted;
    if (again !== undefined) {
      const chain = walkChain(this.#walked, this.#rules, again);
      if (chain.kind === 'chain') this.#resubmitted.shift();
      return chain;
    }
    const pending = this.pending();
    if (pending === 0) return EMPTY;
    const reason = this.#rules.acceptsPending(pending, this.ring.size);
    if (reason !== undefined) return { kind: 'malformed', head: undefined, reason };
    const head = this.ring.availHead(this.#rules.availSlot(this.#lastAvailIdx, this.ring.size));
    const chain = walkChain(this.#walked, this.#rules, head);
    if (chain.kind === 'chain') {
      this.#lastAvailIdx = this.#rules.nextAvailIdx(this.#lastAvailIdx);
      this.#observer.fetched?.(head);
    }
    return chain;
  }

  /** A chain was carried out, with `written` bytes from the start of its writable part: tells the driver. */
  complete(chain: SplitChain, written: number): void {
    this.#held.push({ chain, written });
    const completions = this.#rules.completions(this.#held, this.pending());
    if (completions.length === 0) return;
    this.#held = [];
    if (this.#together !== undefined) {
      this.#together.push(...completions);
      return;
    }
    for (const completion of completions) this.#useTogether([completion]);
  }

  /** What is completed from here on becomes used at one moment: at `endTogether`. */
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
      this.#observer.using?.(completion.chain.head);
      const id = this.#rules.usedId(completion.chain);
      const len = this.#rules.usedLen(completion);
      this.pushUsed(id, len, place < last ? shown : undefined);
    }
    for (const completion of completions) {
      this.#observer.used?.(completion.chain.head, this.#usedIdx);
      this.#rules.afterwards(this.ring, completion);
    }
  }

  /** Writes one used element and moves the used idx; or leaves it as it is shown, until a later one moves it. */
  pushUsed(id: number, len: number, shownIdx?: number): void {
    const next = this.#rules.nextUsedIdx(this.#usedIdx);
    const slot = this.#rules.usedSlot(this.#usedIdx, this.ring.size);
    this.#rules.publishUsed(this.ring, slot, id, len, shownIdx ?? next);
    this.#usedIdx = next;
    this.#observer.wroteUsedRing?.(usedElementOffset(slot), USED_ELEMENT_SIZE);
    this.#observer.wroteUsedRing?.(USED_IDX_OFFSET, 2);
  }

  /** Whether a call is due for what was used since this was last asked (virtio 2.7.7.2). */
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

  /**
   * Tells the driver whether kicks are wanted (virtio 2.7.10). Who asks for kicks must look for chains once more after
   * it: one may have come just before, without a kick.
   */
  wantKicks(wanted: boolean): void {
    this.ring.setUsedFlags(this.#rules.usedFlags(this.#features, wanted));
    this.#observer.wroteUsedRing?.(0, 2);
    const event = this.#rules.availEvent(this.#features, this.#lastAvailIdx, wanted);
    if (event === undefined) return;
    this.ring.setAvailEvent(event);
    this.#observer.wroteUsedRing?.(availEventOffset(this.ring.size), 2);
  }

  /** A kick came: whether the ring lives on. */
  survivesKick(): boolean {
    this.#spuriousKicks = this.pending() > 0 ? 0 : this.#spuriousKicks + 1;
    return this.#spuriousKicks === 0 || this.#rules.survivesSpuriousKicks(this.#spuriousKicks);
  }
}

/** Finds the parts of a ring in memory. A ring part over several regions is refused: it is used in place. */
export function attachSplitDevice(options: SplitDeviceOptions): SplitDevice | SplitAttachFailure {
  if (!isQueueSize(options.size)) return 'queue-size-unlawful';
  const desc = findPart(options, 'desc');
  if (typeof desc === 'string') return desc;
  const avail = findPart(options, 'avail');
  if (typeof avail === 'string') return avail;
  const used = findPart(options, 'used');
  if (typeof used === 'string') return used;
  return new SplitDevice(options, new SplitRing(options.size, { desc, avail, used }));
}

function findPart(options: SplitDeviceOptions, part: SplitRingPart): Uint8Array | SplitAttachFailure {
  const { size, memory, addresses, ringSpace } = options;
  const alignment = splitAlignment[part];
  if (addresses[part] % BigInt(alignment) !== 0n) return `${part}-misaligned`;
  const access = part === 'used' ? 'write' : 'read';
  const pieces = memory.translate(ringSpace, addresses[part], splitSizes(size)[part], access);
  if (isFailure(pieces)) return `${part}-${pieces}`;
  const [piece] = pieces;
  if (piece === undefined || pieces.length > 1) return `${part}-over-several-regions`;
  const view = piece.bytes.subarray(piece.offset, piece.offset + piece.length);
  // Aligned for the guest and yet not here: the region begins at an odd place of its file.
  return view.byteOffset % alignment === 0 ? view : `${part}-misaligned`;
}
