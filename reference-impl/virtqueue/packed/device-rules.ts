import type { Piece } from '../../memory/pieces.ts';
import { type BufferRules, bufferRules } from '../buffer-rules.ts';
import type { Chain, Completion } from '../chain.ts';
import { VIRTQ_DESC_F_NEXT, VIRTQ_DESC_F_WRITE } from '../descriptor.ts';
import type { MalformedReason } from '../malformed.ts';
import type { PackedPosition, RingFeatures } from '../ring.ts';
import { wantsNotification } from './event.ts';
import {
  eventWord,
  isAvailableIn,
  RING_EVENT_FLAGS_DESC,
  RING_EVENT_FLAGS_DISABLE,
  RING_EVENT_FLAGS_ENABLE,
  usedBits,
} from './layout.ts';
import type { PackedRing } from './ring-memory.ts';

/** What was used since a call was last decided: `moved` slots, up to `slot` in the round of `wrap`. */
export interface PackedCallSituation {
  readonly features: RingFeatures;
  /** The driver's event suppression structure. */
  readonly driverEvent: number;
  readonly slot: number;
  readonly wrap: 0 | 1;
  readonly moved: number;
  readonly size: number;
}

/**
 * Every decision of the device side of a packed ring. A fault is a copy of this table with one entry replaced. Entries
 * are pure, save those that say that they write.
 */
export interface PackedDeviceRules extends BufferRules {
  /** Where the ring begins, given the position that the driver set and where the ring before it ended. */
  readonly firstPosition: (position: PackedPosition, earlier: PackedPosition | undefined) => PackedPosition;
  /** The position reported when the ring stops. */
  readonly stopPosition: (position: PackedPosition) => PackedPosition;
  readonly isAvailable: (flags: number, wrap: 0 | 1) => boolean;
  /** Where the next chain is looked for: in the next slot, whatever lies behind it (virtio 2.8.12). */
  readonly readSlot: (ring: PackedRing, slot: number, wrap: 0 | 1) => number;
  /** The slot at which a position goes on at 0, in the next round. */
  readonly roundLength: (size: number) => number;
  /** The wrap counter of the next round. */
  readonly nextWrap: (wrap: 0 | 1) => 0 | 1;

  /**
   * Judges the flags of the descriptor at `slot`, behind the first of its chain: the driver made it available before
   * that one.
   */
  readonly acceptsChained: (flags: number, wrap: 0 | 1, slot: number) => MalformedReason | undefined;
  /** Judges a descriptor with the indirect flag; `before` counts the descriptors ahead of it in its chain. */
  readonly acceptsIndirect: (flags: number, features: RingFeatures, before: number) => MalformedReason | undefined;
  /** What counts of the flags of a descriptor in a table, and of its id: nothing. */
  readonly flagsInTable: (flags: number, id: number) => number;
  /** Changes the order in which the readable elements of a chain are used: not at all (virtio 2.8.18). */
  readonly arrangeReadable: (readable: Piece[]) => void;
  /** The buffer id of a chain, of the descriptors that carry one. */
  readonly chainId: (first: number, last: number) => number;
  /** Any id is the driver's to choose. */
  readonly acceptsId: (id: number, size: number) => MalformedReason | undefined;

  /** What becomes used once a chain was carried out: that one. `held` is for faults, of chains that wait on. */
  readonly completions: (
    completion: Completion,
    held: Completion[],
    pending: () => number,
    features: RingFeatures,
  ) => readonly Completion[];
  /** Whether a chain can be left without a used descriptor when a later one becomes used at the same moment. */
  readonly joinsBatch: (completion: Completion, features: RingFeatures) => boolean;
  readonly usedId: (chain: Chain) => number;
  readonly usedLen: (completion: Completion) => number;
  readonly usedFlags: (completion: Completion, wrap: 0 | 1) => number;
  /** Slots from a used descriptor of a chain to the next one. */
  readonly slotsPassed: (chain: Chain) => number;
  /**
   * Writes one used descriptor, flags last; without the flags where `isHeldBack`. Of chains that become used at one
   * moment the first is held back until `show` (virtio 2.8.9).
   */
  readonly publishUsed: (
    ring: PackedRing,
    slot: number,
    id: number,
    len: number,
    flags: number,
    isHeldBack: boolean,
  ) => void;
  readonly show: (ring: PackedRing, slot: number, flags: number) => void;
  /** What else happens to ring and buffers once a chain is carried out: nothing. */
  readonly afterwards: (ring: PackedRing, slot: number, completion: Completion) => void;

  readonly needsCall: (situation: PackedCallSituation) => boolean;
  /** The device's event suppression structure that says whether kicks are wanted. */
  readonly deviceEvent: (features: RingFeatures, slot: number, wrap: 0 | 1, wantsKicks: boolean) => number;
}

export const packedDeviceRules: PackedDeviceRules = {
  ...bufferRules,
  firstPosition: (position) => position,
  stopPosition: (position) => position,
  isAvailable: isAvailableIn,
  readSlot: (_, slot) => slot,
  roundLength: (size) => size,
  nextWrap: (wrap) => (wrap === 1 ? 0 : 1),

  acceptsChained: (flags, wrap) => (isAvailableIn(flags, wrap) ? undefined : 'chained-descriptor-not-available'),
  acceptsIndirect: (flags, features, before) => {
    if (!features.indirect) return 'indirect-not-negotiated';
    if (before > 0) return 'indirect-behind-direct';
    return (flags & VIRTQ_DESC_F_NEXT) === 0 ? undefined : 'indirect-with-next';
  },
  flagsInTable: (flags) => flags & VIRTQ_DESC_F_WRITE,
  arrangeReadable: () => {},
  chainId: (_, last) => last,
  acceptsId: () => undefined,

  completions: (completion) => [completion],
  joinsBatch: ({ chain, written }, features) => features.inOrder && written === chain.writableLength,
  usedId: ({ id }) => id,
  usedLen: ({ written }) => written,
  usedFlags: ({ written }, wrap) => usedBits(wrap) | (written > 0 ? VIRTQ_DESC_F_WRITE : 0),
  slotsPassed: ({ slots }) => slots,
  publishUsed: (ring, slot, id, len, flags, isHeldBack) => {
    ring.setUsed(slot, id, len);
    if (!isHeldBack) ring.setFlags(slot, flags);
  },
  show: (ring, slot, flags) => ring.setFlags(slot, flags),
  afterwards: () => {},

  needsCall: ({ features, driverEvent, slot, wrap, moved, size }) =>
    wantsNotification(driverEvent, features.eventIdx, slot, wrap, moved, size),
  deviceEvent: ({ eventIdx }, slot, wrap, wantsKicks) => {
    if (!wantsKicks) return eventWord(RING_EVENT_FLAGS_DISABLE);
    return eventIdx ? eventWord(RING_EVENT_FLAGS_DESC, slot, wrap) : eventWord(RING_EVENT_FLAGS_ENABLE);
  },
};
