import { type BufferRules, bufferRules } from '../buffer-rules.ts';
import type { Chain, Completion } from '../chain.ts';
import { VIRTQ_DESC_F_NEXT } from '../descriptor.ts';
import { passesEvent } from '../event-idx.ts';
import type { MalformedReason } from '../malformed.ts';
import type { RingFeatures } from '../ring.ts';
import { VIRTQ_AVAIL_F_NO_INTERRUPT, VIRTQ_USED_F_NO_NOTIFY } from './layout.ts';
import type { SplitRing } from './ring-memory.ts';

/** A table of descriptors and what is known of it: the ring's own, or one that a descriptor refers to. */
export interface TableView {
  readonly entries: number;
  readonly isIndirect: boolean;
}

export interface CallSituation {
  readonly features: RingFeatures;
  readonly availFlags: number;
  readonly usedEvent: number;
  /** Used idx when a call was last decided upon, and now. */
  readonly before: number;
  readonly now: number;
}

/**
 * Everything that the device side of a split ring does by choice. A fault is a copy of this table with one entry
 * replaced; nothing else knows of faults. Entries are pure, save those that say that they write.
 */
export interface SplitDeviceRules extends BufferRules {
  /** Where reading begins, given the base that the front-end set. */
  readonly firstAvailIdx: (base: number) => number;
  /** The base that is told when the ring stops, given the next available idx to read. */
  readonly base: (lastAvailIdx: number, usedIdx: number) => number;
  /** The used idx to begin with, given what the ring holds, where reading begins, and where the ring before it ended. */
  readonly firstUsedIdx: (ringUsedIdx: number, firstAvailIdx: number, earlierUsedIdx: number | undefined) => number;
  /** The used idx at which a call counts as decided when the ring starts, given the one to begin with. */
  readonly callDecidedAt: (firstUsedIdx: number, earlierUsedIdx: number | undefined) => number;
  /** Chains that wait, by the available idx that the driver shows. */
  readonly pending: (availIdx: number, lastAvailIdx: number, size: number) => number;
  readonly acceptsPending: (pending: number, size: number) => MalformedReason | undefined;
  /** Where reading goes on behind the chain at `head`, one of so many that waited. */
  readonly nextAvailIdx: (lastAvailIdx: number, head: number, pending: number, size: number) => number;
  readonly availSlot: (lastAvailIdx: number, size: number) => number;

  readonly acceptsHead: (head: number, size: number) => MalformedReason | undefined;
  readonly acceptsNext: (next: number, table: TableView) => MalformedReason | undefined;
  /** Judges a descriptor with the indirect flag; `before` counts the direct descriptors ahead of it. */
  readonly acceptsIndirect: (
    flags: number,
    table: TableView,
    features: RingFeatures,
    before: number,
  ) => MalformedReason | undefined;

  /** Which of the chains carried out, in the order of their arrival, are told as used now. None: all wait on. */
  readonly completions: (
    completion: Completion,
    held: Completion[],
    pending: () => number,
    features: RingFeatures,
  ) => readonly Completion[];
  readonly usedId: (chain: Chain) => number;
  readonly usedLen: (completion: Completion) => number;
  readonly usedSlot: (usedIdx: number, size: number) => number;
  readonly nextUsedIdx: (usedIdx: number) => number;
  /** Writes one used element, and after it the used idx (virtio 2.7.8.2). */
  readonly publishUsed: (ring: SplitRing, slot: number, id: number, len: number, nextIdx: number) => void;
  /** What else happens to ring and buffers once a chain is carried out: nothing. */
  readonly afterwards: (ring: SplitRing, completion: Completion) => void;

  readonly needsCall: (situation: CallSituation) => boolean;
  /** The used flags that say whether kicks are wanted. */
  readonly usedFlags: (features: RingFeatures, wantsKicks: boolean) => number;
  /** The avail_event that asks for a kick at the next chain; undefined leaves the field alone. */
  readonly availEvent: (features: RingFeatures, lastAvailIdx: number, wantsKicks: boolean) => number | undefined;
}

const wrapped = (idx: number): number => (idx + 1) & 0xffff;

export const splitDeviceRules: SplitDeviceRules = {
  ...bufferRules,
  firstAvailIdx: (base) => base,
  base: (lastAvailIdx) => lastAvailIdx,
  firstUsedIdx: (ringUsedIdx) => ringUsedIdx,
  callDecidedAt: (firstUsedIdx) => firstUsedIdx,
  pending: (availIdx, lastAvailIdx) => (availIdx - lastAvailIdx) & 0xffff,
  acceptsPending: (pending, size) => (pending > size ? 'avail-idx-jumped' : undefined),
  nextAvailIdx: wrapped,
  availSlot: (lastAvailIdx, size) => lastAvailIdx & (size - 1),

  acceptsHead: (head, size) => (head < size ? undefined : 'head-out-of-range'),
  acceptsNext: (next, table) => (next < table.entries ? undefined : 'next-out-of-range'),
  acceptsIndirect: (flags, table, features) => {
    if (!features.indirect) return 'indirect-not-negotiated';
    if (table.isIndirect) return 'indirect-nested';
    return (flags & VIRTQ_DESC_F_NEXT) === 0 ? undefined : 'indirect-with-next';
  },

  completions: (completion) => [completion],
  usedId: (chain) => chain.id,
  usedLen: (completion) => completion.written,
  usedSlot: (usedIdx, size) => usedIdx & (size - 1),
  nextUsedIdx: wrapped,
  publishUsed: (ring, slot, id, len, nextIdx) => {
    ring.setUsedElement(slot, id, len);
    ring.setUsedIdx(nextIdx);
  },
  afterwards: () => {},

  needsCall: ({ features, availFlags, usedEvent, before, now }) =>
    features.eventIdx
      ? passesEvent(usedEvent, now, before)
      : now !== before && (availFlags & VIRTQ_AVAIL_F_NO_INTERRUPT) === 0,
  usedFlags: (features, wantsKicks) => (features.eventIdx || wantsKicks ? 0 : VIRTQ_USED_F_NO_NOTIFY),
  availEvent: (features, lastAvailIdx, wantsKicks) => (features.eventIdx && wantsKicks ? lastAvailIdx : undefined),
};
