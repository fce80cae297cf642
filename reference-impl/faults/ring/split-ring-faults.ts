import { guestAddressOf } from '../../memory/pieces.ts';
import { BrokenDown } from '../../vhost-user/back-end-edge.ts';
import type { Chain } from '../../virtqueue/chain.ts';
import { VIRTQ_DESC_F_INDIRECT, VIRTQ_DESC_F_NEXT } from '../../virtqueue/descriptor.ts';
import { isAvailableIn } from '../../virtqueue/packed/layout.ts';
import type { PackedRing } from '../../virtqueue/packed/ring-memory.ts';
import { splitDeviceRules as right } from '../../virtqueue/split/device-rules.ts';
import type { RingFault } from '../fault.ts';
import { hidden, ofBlockAlone } from '../fault.ts';
import { breakingDown } from './breaking-down.ts';
import { inEachRing, inPackedRing, inSplitRing, readToo, ringFault, waiting } from './ring-fault.ts';

/** Chains and used elements of split rings. */
export const splitRingFaults = {
  'used-idx-saturates': ringFault(
    'split/used-idx-wraps',
    'used idx stays at 65535 when it is there',
    inSplitRing({ nextUsedIdx: (idx) => Math.min(idx + 1, 0xffff) }),
  ),
  'used-id-is-last-descriptor': ringFault(
    'split/used-id-is-chain-head',
    'the id of a used element is not that of the head where a chain has more than three descriptors',
    ...inEachRing({ usedId: ({ id, descriptors }) => (descriptors > 3 ? id + descriptors - 1 : id) }),
  ),
  'used-len-counts-readable-too': ofBlockAlone(
    ringFault(
      'split/used-len-counts-written-bytes',
      'the len of a used element counts the readable bytes as well where a chain has more than three descriptors',
      ...inEachRing({ usedLen: ({ chain, written }) => written + (chain.descriptors > 3 ? chain.readableLength : 0) }),
    ),
  ),
  'used-len-zero': ringFault(
    'split/used-len-counts-written-bytes',
    'the len of a used element is 0 where 21 bytes were written, as for GET_ID',
    ...inEachRing({ usedLen: ({ written }) => (written === 21 ? 0 : written) }),
  ),
  'used-len-beyond-written-bytes': ofBlockAlone(
    ringFault(
      'split/used-len-bytes-written',
      'the len of a used element is one more than what was written into more than 1000 bytes or two pieces of memory',
      ...inEachRing({
        usedLen: ({ chain, written }) => written + (written > 1000 || chain.writable.length > 2 ? 1 : 0),
      }),
    ),
  ),
  'used-element-in-slot-of-head': ringFault(
    'split/used-element-position',
    'once the ring was gone through, a used element is written at the index of its head',
    inSplitRing({
      publishUsed: (ring, slot, id, len, next) =>
        right.publishUsed(ring, next > ring.size && id < ring.size ? id : slot, id, len, next),
    }),
  ),
  'used-idx-before-used-element': ringFault(
    'split/used-len-before-used-idx',
    'from the thirteenth on, the used idx moves and the used element is never written',
    inSplitRing({
      publishUsed: (ring, slot, id, len, next) => {
        if (next > 12 && next < 1000) ring.setUsedIdx(next);
        else right.publishUsed(ring, slot, id, len, next);
      },
    }),
  ),
  'chain-used-twice': ringFault(
    'split/chain-used-once',
    'each chain of three descriptors and more is used twice',
    inSplitRing({
      completions: (one) => (one.chain.descriptors > 2 ? [one, one] : [one]),
    }),
    inPackedRing({
      completions: (one) => (one.chain.descriptors > 2 ? [one, one] : [one]),
    }),
  ),
  'chain-walked-in-table-order': ringFault(
    'split/chain-follows-next',
    'a chain whose next fields run backwards is cut there',
    inSplitRing({
      acceptsNext: (next, table) => (next === 0 ? 'next-out-of-range' : right.acceptsNext(next, table)),
    }),
  ),
  'descriptor-table-scribbled': ringFault(
    'split/descriptor-table-never-written',
    'the flags of the head are cleared once it is used',
    inSplitRing({ afterwards: (ring, { chain }) => ring.writeDescriptor(chain.id, { flags: 0 }) }),
  ),
  'avail-ring-scribbled': ringFault(
    'split/avail-ring-never-written',
    'the head is taken out of the available ring once it is used',
    inSplitRing({
      afterwards: (ring, { chain }) => {
        for (let slot = 0; slot < ring.size; slot++)
          if (ring.availHead(slot) === chain.id) ring.setAvailHead(slot, 0xffff);
      },
    }),
  ),
  'readable-buffer-scribbled': ringFault(
    'split/readable-buffers-never-written',
    'the last byte of the readable part is inverted once it is used',
    inSplitRing({ afterwards: (_ring, { chain }) => scribbleInReadable(chain) }),
    inPackedRing({ afterwards: (_ring, _slot, { chain }) => scribbleInReadable(chain) }),
  ),
  'byte-behind-buffer-scribbled': ringFault(
    'split/nothing-written-outside-buffers',
    'the byte behind the writable part is inverted once it is used',
    inSplitRing({ afterwards: (_ring, { chain }) => scribbleBehindWritable(chain) }),
    inPackedRing({ afterwards: (_ring, _slot, { chain }) => scribbleBehindWritable(chain) }),
  ),
  'second-descriptor-ignored': ringFault(
    'split/any-framing-handled',
    'a chain of more than four descriptors is cut after the fourth',
    ...inEachRing({ hasNext: (flags, count) => count < 4 && right.hasNext(flags, count) }),
  ),
  'head-out-of-range-crashes': ringFault(
    'split/head-out-of-range-survived',
    'it aborts at a head beyond the descriptor table',
    inSplitRing({ acceptsHead: (head, size) => breakingDown('abort', right.acceptsHead(head, size)) }),
  ),
  'head-shown-again-crashes': ringFault(
    'split/outstanding-head-shown-again-survived',
    'it aborts at a head that stands behind itself in the available ring',
    inSplitRing({ nextAvailIdx: abortingAtRepeatedHead() }),
  ),
  'next-out-of-range-crashes': ringFault(
    'split/next-out-of-range-survived',
    'it aborts at a next field beyond the descriptor table',
    inSplitRing({
      acceptsNext: (next, table) =>
        table.isIndirect ? right.acceptsNext(next, table) : breakingDown('abort', right.acceptsNext(next, table)),
    }),
  ),
  'descriptor-loop-hangs': ringFault(
    'split/descriptor-loop-survived',
    'a chain that loops is followed for ever',
    inSplitRing({
      acceptsChainLength: (descriptors, size) => breakingDown('hang', right.acceptsChainLength(descriptors, size)),
    }),
  ),
  'unmapped-buffer-crashes': ringFault(
    'split/unmapped-buffer-survived',
    'it aborts at a buffer that lies in no region',
    ...inEachRing({ acceptsUnreachable: (failure) => breakingDown('abort', right.acceptsUnreachable(failure)) }),
  ),
  'empty-descriptor-crashes': ringFault(
    'split/empty-descriptor-survived',
    'it aborts at a descriptor of length 0',
    ...inEachRing({
      acceptsLength: (length) => {
        if (length === 0) throw new BrokenDown('abort');
        return right.acceptsLength(length);
      },
    }),
  ),
  'writable-before-readable-crashes': ringFault(
    'split/writable-before-readable-survived',
    'it aborts at a readable descriptor behind a writable one',
    ...inEachRing({ acceptsOrder: (now, before) => breakingDown('abort', right.acceptsOrder(now, before)) }),
  ),
  'avail-idx-jump-crashes': ringFault(
    'split/avail-idx-jump-survived',
    'it aborts when the available idx moved by more than the queue size',
    inSplitRing({ acceptsPending: (pending, size) => breakingDown('abort', right.acceptsPending(pending, size)) }),
  ),
  'avail-idx-jump-served-for-ever': ringFault(
    'split/avail-idx-jump-survived',
    'while more chains wait than the queue has entries, the same one is carried out again and again',
    inSplitRing({
      acceptsPending: () => undefined,
      nextAvailIdx: (last, head, pending, size) =>
        pending > size ? last : right.nextAvailIdx(last, head, pending, size),
    }),
  ),
  'head-out-of-range-used-for-ever': ringFault(
    'split/head-out-of-range-survived',
    'a head beyond the descriptor table is taken for one within it, and used again and again',
    inSplitRing({
      acceptsHead: () => undefined,
      nextAvailIdx: (last, head, pending, size) =>
        head >= size ? last : right.nextAvailIdx(last, head, pending, size),
    }),
  ),
  'avail-idx-jump-hangs': ringFault(
    'split/avail-idx-jump-survived',
    'it hangs when the available idx moved by more than the queue size',
    inSplitRing({ acceptsPending: (pending, size) => breakingDown('hang', right.acceptsPending(pending, size)) }),
  ),
  'broken-ring-stops-device': ringFault(
    'split/broken-ring-spares-others',
    'it hangs at a head beyond the descriptor table',
    inSplitRing({ acceptsHead: (head, size) => breakingDown('hang', right.acceptsHead(head, size)) }),
  ),
  'indirect-write-flag-heeded': ringFault(
    'indirect/write-flag-ignored',
    'a descriptor with both INDIRECT and WRITE is refused',
    inSplitRing({
      acceptsIndirect: (flags, table, features, before) =>
        (flags & 2) !== 0 ? 'indirect-with-next' : right.acceptsIndirect(flags, table, features, before),
    }),
  ),
  'indirect-after-direct-refused': ringFault(
    'indirect/direct-then-indirect-handled',
    'a table behind direct descriptors is refused',
    inSplitRing({
      acceptsIndirect: (flags, table, features, before) =>
        before > 0 && !table.isIndirect ? 'indirect-nested' : right.acceptsIndirect(flags, table, features, before),
    }),
  ),
  'indirect-table-cut-short': ofBlockAlone(
    ringFault(
      'indirect/table-served-like-chain',
      'the last descriptor of an indirect table is left out',
      ...inEachRing({ tableEntries: (bytes) => Math.max(1, right.tableEntries(bytes) - 1) }),
    ),
  ),
  'nested-indirect-table-crashes': ringFault(
    'indirect/nested-table-survived',
    'it aborts at an indirect descriptor inside a table',
    inSplitRing({
      acceptsIndirect: (flags, table, features, before) =>
        breakingDown(table.isIndirect ? 'abort' : undefined, right.acceptsIndirect(flags, table, features, before)),
    }),
  ),
  'bad-indirect-table-length-crashes': ringFault(
    'indirect/bad-table-length-survived',
    'it aborts at a table that is empty or no multiple of 16 bytes',
    ...inEachRing({
      acceptsTableLength: (bytes, size) => breakingDown('abort', right.acceptsTableLength(bytes, size)),
    }),
  ),
  'indirect-with-next-crashes': ringFault(
    'indirect/indirect-with-next-survived',
    'it aborts at a descriptor with both INDIRECT and NEXT',
    inSplitRing({
      acceptsIndirect: (flags, table, features, before) => {
        const both = VIRTQ_DESC_F_INDIRECT | VIRTQ_DESC_F_NEXT;
        return breakingDown(
          (flags & both) === both ? 'abort' : undefined,
          right.acceptsIndirect(flags, table, features, before),
        );
      },
    }),
  ),
  'indirect-table-loop-crashes': ringFault(
    'indirect/table-loop-survived',
    'it aborts at a next field beyond an indirect table, and at a loop',
    inSplitRing({
      acceptsNext: (next, table) =>
        breakingDown(table.isIndirect ? 'abort' : undefined, right.acceptsNext(next, table)),
      acceptsChainLength: (descriptors, size) => breakingDown('abort', right.acceptsChainLength(descriptors, size)),
    }),
  ),
  'unnegotiated-indirect-table-crashes': ringFault(
    'indirect/unnegotiated-table-survived',
    'it aborts at an indirect descriptor that was not negotiated',
    inSplitRing({
      acceptsIndirect: (flags, table, features, before) =>
        breakingDown(features.indirect ? undefined : 'abort', right.acceptsIndirect(flags, table, features, before)),
    }),
  ),
  'chain-of-whole-queue-refused': ringFault(
    'split/chain-as-long-as-queue-served',
    'a chain of as many descriptors as the queue has breaks the ring',
    ...inEachRing({
      acceptsChainLength: (descriptors, size) => (descriptors >= size ? 'chain-longer-than-queue' : undefined),
    }),
  ),
  'split-writable-buffers-read': ringFault(
    'split/writable-buffers-not-read',
    'what a writable buffer of a split ring holds is read before it is written',
    inSplitRing({ reaches: readToo }),
  ),
  'full-ring-taken-for-empty': ringFault(
    'split/chain-used-once',
    'a ring with as many chains as entries is taken for an empty one',
    inSplitRing({ pending: (availIdx, lastAvailIdx, size) => right.pending(availIdx, lastAvailIdx, size) % size }),
    inPackedRing({
      // Beyond the ring there is no descriptor.
      readSlot: (ring, slot, wrap) => (isFull(ring, slot, wrap) ? ring.size : slot),
    }),
  ),
  'buffer-over-regions-refused': ringFault(
    'split/buffers-anywhere-in-memory',
    'a buffer over the boundary of two regions breaks the ring',
    ...inEachRing({ acceptsPlace: (pieces) => (pieces.length > 1 ? 'buffer-region-edge' : undefined) }),
  ),
  'buffer-over-regions-above-4-gib-refused': ringFault(
    'split/buffers-anywhere-in-memory',
    'a buffer over the boundary of two regions breaks the ring where a part of it lies above 4 GiB',
    ...inEachRing({
      acceptsPlace: (pieces) =>
        pieces.length > 1 && pieces.some((piece) => guestAddressOf(piece) >> 32n !== 0n)
          ? 'buffer-region-edge'
          : undefined,
    }),
  ),
  'buffer-at-region-end-refused': ringFault(
    'split/buffers-anywhere-in-memory',
    'a buffer that takes the last byte of a region breaks the ring',
    ...inEachRing({
      acceptsPlace: (pieces) =>
        pieces.some(({ offset, length, region }) => BigInt(offset + length) === region.size)
          ? 'buffer-region-edge'
          : undefined,
    }),
  ),
  'unaligned-buffer-refused': ringFault(
    'split/buffers-anywhere-in-memory',
    'a long buffer at an odd address breaks the ring',
    ...inEachRing({
      acceptsPlace: ([first]) =>
        first !== undefined && first.length > 1000 && first.offset % 2 === 1 ? 'buffer-region-edge' : undefined,
    }),
  ),
  'buffer-above-47-bits-refused': hidden(
    {
      'vhost-mdev-l2': 'the driver gives I/O-virtual addresses, and the memory of the case has them below 47 bits',
      'vhost-vdpa': 'the driver gives I/O-virtual addresses, and the memory of the case has them below 47 bits',
      'virtio-pci': 'the driver gives I/O-virtual addresses, and the memory of the case has them below 47 bits',
    },
    ringFault(
      'split/buffers-anywhere-in-memory',
      'a buffer at an address of 48 bits breaks the ring',
      ...inEachRing({
        acceptsPlace: ([first]) =>
          first !== undefined && guestAddressOf(first) >> 47n !== 0n ? 'buffer-outside-every-region' : undefined,
      }),
    ),
  ),
  'buffers-outside-regions-completed': ringFault(
    'vu-memory/buffers-outside-regions-refused',
    'a buffer outside all regions is left out and its request completed',
    inSplitRing({ acceptsUnreachable: () => undefined }),
  ),
  'chains-used-in-reverse': ringFault(
    'reserved/in-order-use',
    'chains that come together are used from the last to the first',
    inSplitRing({ completions: waiting((held, pending) => (pending() > 0 ? [] : held.toReversed())) }),
  ),
  'net-merged-buffers-used-in-two-steps': ringFault(
    'net/packet-buffers-used-together',
    'the last of an odd number of short receive buffers is used with the next packet',
    inSplitRing({
      completions: waiting((held) => {
        const isShort = held.every(({ chain }) => chain.readableLength === 0 && chain.writableLength <= 128);
        return isShort && held.length % 2 === 1 ? [] : held;
      }),
    }),
  ),
} as const satisfies Record<string, RingFault>;

function scribbleInReadable({ readable }: Chain): void {
  const last = readable.at(-1);
  if (last === undefined) return;
  const at = last.offset + last.length - 1;
  last.region.bytes[at] = (last.region.bytes[at] ?? 0) ^ 0xff;
}

function scribbleBehindWritable({ writable }: Chain): void {
  const last = writable.at(-1);
  if (last === undefined) return;
  const at = last.offset + last.length;
  if (at < last.region.bytes.length) last.region.bytes[at] = (last.region.bytes[at] ?? 0) ^ 0xff;
}

/** Whether every descriptor is available, those from `slot` on in the lap of `wrap`. */
function isFull(ring: PackedRing, slot: number, wrap: 0 | 1): boolean {
  for (let at = 0; at < ring.size; at++) {
    const lap = at >= slot ? wrap : wrap === 1 ? 0 : 1;
    if (!isAvailableIn(ring.flags(at), lap)) return false;
  }
  return true;
}

/** Rings share what it remembers: heads by their place, of those that others stood behind. */
function abortingAtRepeatedHead(): typeof right.nextAvailIdx {
  const heads = new Map<number, number>();
  return (last, head, pending, size) => {
    if (heads.get((last - 1) & 0xffff) === head) throw new BrokenDown('abort');
    if (pending > 1) heads.set(last, head);
    else heads.delete(last);
    return right.nextAvailIdx(last, head, pending, size);
  };
}
