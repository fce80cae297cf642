import type { TranslationFailure } from '../../memory/memory-map.ts';
import type { Piece } from '../../memory/pieces.ts';
import type { Chain, Completion } from '../chain.ts';
import { passesEvent } from '../event-idx.ts';
import type { MalformedReason } from '../malformed.ts';
import type { RingFeatures } from '../ring.ts';
import {
  DESCRIPTOR_SIZE,
  VIRTQ_AVAIL_F_NO_INTERRUPT,
  VIRTQ_DESC_F_INDIRECT,
  VIRTQ_DESC_F_NEXT,
  VIRTQ_DESC_F_WRITE,
  VIRTQ_USED_F_NO_NOTIFY,
} from './layout.ts';
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
export interface SplitDeviceRules {
  /** Where reading begins, given the base that the front-end set. */
  readonly firstAvailIdx: (base: number) => number;
  /** The base that is told when the ring stops, given the next available idx to read. */
  readonly base: (lastAvailIdx: number) => number;
  /** The used idx to begin with, given what the ring holds and where reading begins. */
  readonly firstUsedIdx: (ringUsedIdx: number, firstAvailIdx: number) => number;
  /** Chains that wait, by the available idx that the driver shows. */
  readonly pending: (availIdx: number, lastAvailIdx: number, size: number) => number;
  readonly acceptsPending: (pending: number, size: number) => MalformedReason | undefined;
  readonly nextAvailIdx: (lastAvailIdx: number) => number;
  readonly availSlot: (lastAvailIdx: number, size: number) => number;
  /** Whether a ring lives on after as many kicks in a row that no chain waited for; false breaks the ring. */
  readonly survivesSpuriousKicks: (inARow: number) => boolean;

  readonly acceptsHead: (head: number, size: number) => MalformedReason | undefined;
  readonly acceptsNext: (next: number, table: TableView) => MalformedReason | undefined;
  readonly hasNext: (flags: number) => boolean;
  readonly isWritable: (flags: number) => boolean;
  /** Whether a descriptor is one that refers to a table. */
  readonly isIndirect: (flags: number, features: RingFeatures) => boolean;
  /** Judges a descriptor with the indirect flag; `before` counts the direct descriptors ahead of it. */
  readonly acceptsIndirect: (
    flags: number,
    table: TableView,
    features: RingFeatures,
    before: number,
  ) => MalformedReason | undefined;
  readonly acceptsTableLength: (bytes: number, size: number) => MalformedReason | undefined;
  readonly tableEntries: (bytes: number) => number;
  /** Judges the number of descriptors of a chain, the one that refers to a table not counted. */
  readonly acceptsChainLength: (descriptors: number, size: number) => MalformedReason | undefined;
  /** Descriptors after which a walk ends as though NEXT were not set; what ends a walk that nothing else ends. */
  readonly walkLimit: (size: number) => number;
  readonly acceptsOrder: (writable: boolean, writableBefore: boolean) => MalformedReason | undefined;
  /** Judges the length of a buffer. None is forbidden: a buffer of no bytes breaks no rule of virtio. */
  readonly acceptsLength: (length: number) => MalformedReason | undefined;
  readonly acceptsTotal: (bytes: number) => MalformedReason | undefined;
  /** Judges a buffer that memory does not hold; undefined passes over it as though it had no bytes. */
  readonly acceptsUnreachable: (failure: TranslationFailure) => MalformedReason | undefined;
  /** Judges where in memory a buffer lies. Every place is as good as another. */
  readonly acceptsPlace: (pieces: readonly Piece[]) => MalformedReason | undefined;

  /** Which of the chains carried out, in the order of their arrival, are told as used now. None: all wait on. */
  readonly completions: (held: readonly Completion[], pending: number) => readonly Completion[];
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
  firstAvailIdx: (base) => base,
  base: (lastAvailIdx) => lastAvailIdx,
  firstUsedIdx: (ringUsedIdx) => ringUsedIdx,
  pending: (availIdx, lastAvailIdx) => (availIdx - lastAvailIdx) & 0xffff,
  acceptsPending: (pending, size) => (pending > size ? 'avail-idx-jumped' : undefined),
  nextAvailIdx: wrapped,
  availSlot: (lastAvailIdx, size) => lastAvailIdx & (size - 1),
  survivesSpuriousKicks: () => true,

  acceptsHead: (head, size) => (head < size ? undefined : 'head-out-of-range'),
  acceptsNext: (next, table) => (next < table.entries ? undefined : 'next-out-of-range'),
  hasNext: (flags) => (flags & VIRTQ_DESC_F_NEXT) !== 0,
  isWritable: (flags) => (flags & VIRTQ_DESC_F_WRITE) !== 0,
  isIndirect: (flags) => (flags & VIRTQ_DESC_F_INDIRECT) !== 0,
  acceptsIndirect: (flags, table, features) => {
    if (!features.indirect) return 'indirect-not-negotiated';
    if (table.isIndirect) return 'indirect-nested';
    return (flags & VIRTQ_DESC_F_NEXT) === 0 ? undefined : 'indirect-with-next';
  },
  acceptsTableLength: (bytes, size) => {
    if (bytes === 0) return 'indirect-table-empty';
    if (bytes % DESCRIPTOR_SIZE !== 0) return 'indirect-table-not-multiple-of-16';
    return bytes > size * DESCRIPTOR_SIZE ? 'indirect-table-longer-than-queue' : undefined;
  },
  tableEntries: (bytes) => Math.floor(bytes / DESCRIPTOR_SIZE),
  acceptsChainLength: (descriptors, size) => (descriptors > size ? 'chain-longer-than-queue' : undefined),
  walkLimit: (size) => size + 1,
  acceptsOrder: (writable, writableBefore) => (writableBefore && !writable ? 'writable-before-readable' : undefined),
  acceptsLength: () => undefined,
  acceptsTotal: (bytes) => (bytes > 2 ** 32 ? 'longer-than-4gib' : undefined),
  acceptsUnreachable: (failure) => `buffer-${failure}`,
  acceptsPlace: () => undefined,

  completions: (held) => held,
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
