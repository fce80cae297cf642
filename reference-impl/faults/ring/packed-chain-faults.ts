import { BrokenDown } from '../../vhost-user/back-end-edge.ts';
import { VIRTQ_DESC_F_INDIRECT, VIRTQ_DESC_F_NEXT, VIRTQ_DESC_F_WRITE } from '../../virtqueue/descriptor.ts';
import { packedDeviceRules as right } from '../../virtqueue/packed/device-rules.ts';
import { isAvailableIn, isUsedIn, VIRTQ_DESC_F_AVAIL, VIRTQ_DESC_F_USED } from '../../virtqueue/packed/layout.ts';
import type { PackedRing } from '../../virtqueue/packed/ring-memory.ts';
import { breakingMore, hidden, ofBlockAlone, type RingFault } from '../fault.ts';
import { breakingDown } from './breaking-down.ts';
import { inPackedRing, type RingChange, readToo, ringFault } from './ring-fault.ts';

const marks = VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED;
const defined = marks | VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_WRITE | VIRTQ_DESC_F_INDIRECT;
/** Some more than a ring of 16 has slots, each of which is looked at more than once. */
const looksBehindBroken = 60;
/** Ids of the last list of rings of 16. */
const lastIds = new WeakMap<PackedRing, number>();

/** Behind a list that runs on, every slot is taken for available for a while. */
function usingAllSlots(): RingChange {
  let looks = 0;
  return inPackedRing({
    firstPosition: (position) => {
      looks = 0;
      return position;
    },
    acceptsChained: (flags, wrap) => {
      if (!isAvailableIn(flags, wrap)) looks = looksBehindBroken;
      return undefined;
    },
    isAvailable: (flags, wrap) => isAvailableIn(flags, wrap) || looks-- > 0,
  });
}

/** How packed rings are read: laps, lists and tables. */
export const packedChainFaults = {
  'packed-wrap-at-power-of-two': ringFault(
    'packed/used-wrap-counter-flips-at-end',
    'a ring of more than 200 descriptors ends at the next power of two',
    inPackedRing({ roundLength: (size) => (size > 200 ? 2 ** Math.ceil(Math.log2(size)) : size) }),
  ),
  'packed-wrap-counter-stays-0': breakingMore(
    'each ring that goes past its end twice stops there',
    ringFault(
      'packed/used-wrap-counter-flips-at-end',
      'the wrap counter stays 0 once it is 0',
      inPackedRing({ nextWrap: () => 0 }),
    ),
  ),
  'packed-writable-buffers-read': ringFault(
    'packed/writable-buffers-not-read',
    'what a writable buffer of a packed ring holds is read before it is written',
    inPackedRing({ reaches: readToo }),
  ),
  'packed-queue-size-rounded-down': hidden(
    { 'vhost-vdpa': 'the kernel takes rings of a power of two of entries alone' },
    ringFault(
      'packed/queue-size-honoured',
      'a ring of more than 90 descriptors ends at the power of two below its size',
      inPackedRing({ roundLength: (size) => (size > 90 ? 2 ** Math.floor(Math.log2(size)) : size) }),
    ),
  ),
  'packed-queue-size-at-least-four': ringFault(
    'packed/queue-size-honoured',
    'queues of less than 4 descriptors are taken for queues of 4',
    inPackedRing({ roundLength: (size) => Math.max(size, 4) }),
  ),
  'packed-available-by-differing-bits': ringFault(
    'packed/no-use-before-avail-flips',
    'a descriptor counts as available where AVAIL and USED differ, whatever the wrap counter',
    inPackedRing({ isAvailable: (flags) => isAvailableIn(flags, 0) || isAvailableIn(flags, 1) }),
  ),
  'packed-unavailable-descriptor-skipped': ringFault(
    'packed/descriptors-taken-in-ring-order',
    'descriptors that are not available are passed over up to the next one that is',
    inPackedRing({
      readSlot: (ring, slot, wrap) => {
        for (let at = slot; at < ring.size; at++) if (isAvailableIn(ring.flags(at), wrap)) return at;
        return slot;
      },
    }),
  ),
  'packed-list-cut-at-end-of-ring': ringFault(
    'packed/list-crosses-end-of-ring',
    'a list that crosses the end of the ring into a lap of wrap counter 1 breaks the ring',
    inPackedRing({
      acceptsChained: (flags, wrap, slot) =>
        slot === 0 && wrap === 1 ? 'chained-descriptor-not-available' : right.acceptsChained(flags, wrap, slot),
    }),
  ),
  'packed-list-elements-swapped': ringFault(
    'packed/chain-used-in-list-order',
    'of five readable elements or more the second and the third change places',
    inPackedRing({
      arrangeReadable: (readable) => {
        const [, second, third] = readable;
        if (readable.length > 4 && second !== undefined && third !== undefined) readable.splice(1, 2, third, second);
      },
    }),
  ),
  'packed-table-takes-slots': ringFault(
    'packed-indirect/table-served-like-list',
    'behind an indirect descriptor as many slots are passed over as the table has entries',
    inPackedRing({ slotsPassed: ({ slots, descriptors }) => (slots === 1 ? descriptors : slots) }),
  ),
  'packed-table-takes-two-slots': ringFault(
    'packed-indirect/both-kinds-in-one-ring',
    'behind an indirect descriptor of more than one entry two slots are passed over',
    inPackedRing({ slotsPassed: ({ slots, descriptors }) => (slots === 1 && descriptors > 1 ? 2 : slots) }),
  ),
  'packed-indirect-write-flag-heeded': ringFault(
    'packed-indirect/write-flag-ignored',
    'a packed descriptor with both INDIRECT and WRITE is refused',
    inPackedRing({
      acceptsIndirect: (flags, features, before) =>
        (flags & VIRTQ_DESC_F_WRITE) !== 0 ? 'indirect-with-next' : right.acceptsIndirect(flags, features, before),
    }),
  ),
  'packed-indirect-id-in-table-heeded': ofBlockAlone(
    ringFault(
      'packed-indirect/id-in-table-ignored',
      'an entry of a table is taken as indirect, and so refused, where it has an id',
      inPackedRing({
        flagsInTable: (flags, id) => (id === 0 ? right.flagsInTable(flags, id) : flags ^ VIRTQ_DESC_F_WRITE),
      }),
    ),
  ),
  'packed-flags-in-table-heeded': ringFault(
    'packed-indirect/other-flags-in-table-ignored',
    'an entry of a table with other flags than WRITE is taken as one of the other direction',
    inPackedRing({
      flagsInTable: (flags, id) =>
        (flags & ~VIRTQ_DESC_F_WRITE) === 0 ? right.flagsInTable(flags, id) : flags ^ VIRTQ_DESC_F_WRITE,
    }),
  ),
  'packed-id-out-of-range-crashes': ringFault(
    'packed/id-out-of-range-survived',
    'it aborts at a buffer id that is not below the queue size',
    inPackedRing({
      acceptsId: (id, size) => {
        if (id >= size) throw new BrokenDown('abort');
        return right.acceptsId(id, size);
      },
    }),
  ),
  'packed-duplicate-id-crashes': ringFault(
    'packed/duplicate-id-survived',
    'in rings of 16 it aborts at a list with the buffer id of the one before',
    inPackedRing({
      afterwards: (ring, _slot, { chain }) => {
        if (ring.size === 16 && lastIds.get(ring) === chain.id) throw new BrokenDown('abort');
        lastIds.set(ring, chain.id);
      },
    }),
  ),
  'packed-unterminated-list-crashes': ringFault(
    'packed/unterminated-list-survived',
    'it aborts at a list that runs on into a descriptor that is zero, or marked as used, or for the other lap',
    inPackedRing({
      acceptsChained: (flags, wrap, slot) =>
        breakingDown((flags & ~marks) === 0 ? 'abort' : undefined, right.acceptsChained(flags, wrap, slot)),
    }),
  ),
  'packed-mixed-wrap-bits-crash': ringFault(
    'packed/mixed-wrap-bits-survived',
    'it aborts at a list with a descriptor of the other lap in it',
    inPackedRing({
      acceptsChained: (flags, wrap, slot) => breakingDown('abort', right.acceptsChained(flags, wrap, slot)),
    }),
  ),
  'packed-broken-list-uses-all-slots': ringFault(
    'packed/unterminated-list-survived',
    'behind a list that runs on into what is not available, slots are used with nothing available in them',
    usingAllSlots(),
  ),
  'packed-endless-list-hangs': ringFault(
    'packed/list-longer-than-queue-survived',
    'a list without an end is followed for ever',
    inPackedRing({
      acceptsChainLength: (descriptors, size) => breakingDown('hang', right.acceptsChainLength(descriptors, size)),
      acceptsChained: (flags, wrap, slot) =>
        (flags & VIRTQ_DESC_F_NEXT) === 0 ? right.acceptsChained(flags, wrap, slot) : undefined,
    }),
  ),
  'packed-undefined-flag-bits-crash': ringFault(
    'packed/undefined-flag-bits-survived',
    'it aborts at a flag bit that the text does not define',
    inPackedRing({
      isIndirect: (flags, features) => {
        if ((flags & ~defined) !== 0) throw new BrokenDown('abort');
        return right.isIndirect(flags, features);
      },
    }),
  ),
  'packed-taken-back-descriptor-crashes': ringFault(
    'packed/taken-back-descriptor-survived',
    'it aborts where the next descriptor is marked as used in the lap that it belongs to',
    inPackedRing({
      isAvailable: (flags, wrap) => {
        if (wrap === 1 && isUsedIn(flags, wrap)) throw new BrokenDown('abort');
        return right.isAvailable(flags, wrap);
      },
    }),
  ),
  'packed-broken-ring-stops-device': ringFault(
    'packed/broken-ring-spares-others',
    'it hangs at a list with a descriptor of the other lap in it',
    inPackedRing({
      acceptsChained: (flags, wrap, slot) => breakingDown('hang', right.acceptsChained(flags, wrap, slot)),
    }),
  ),
  'packed-indirect-with-next-crashes': ringFault(
    'packed-indirect/indirect-with-next-survived',
    'it aborts at an indirect descriptor that is part of a list',
    inPackedRing({
      acceptsIndirect: (flags, features, before) =>
        breakingDown(features.indirect ? 'abort' : undefined, right.acceptsIndirect(flags, features, before)),
    }),
  ),
  'packed-indirect-with-next-carried-out': ringFault(
    'packed-indirect/indirect-with-next-survived',
    'a list goes on behind an indirect descriptor with NEXT, and is carried out',
    inPackedRing({
      acceptsIndirect: (flags, features, before) =>
        right.acceptsIndirect(before === 0 ? flags & ~VIRTQ_DESC_F_NEXT : flags, features, before),
    }),
  ),
  'packed-nested-indirect-table-crashes': ringFault(
    'packed-indirect/nested-table-survived',
    'it aborts at an entry of a table with INDIRECT',
    inPackedRing({
      flagsInTable: (flags, id) => {
        if ((flags & VIRTQ_DESC_F_INDIRECT) !== 0 && (flags & ~defined) === 0) throw new BrokenDown('abort');
        return right.flagsInTable(flags, id);
      },
    }),
  ),
  'packed-unnegotiated-indirect-table-crashes': ringFault(
    'packed-indirect/unnegotiated-table-survived',
    'it aborts at a packed indirect descriptor that was not negotiated',
    inPackedRing({
      acceptsIndirect: (flags, features, before) =>
        breakingDown(features.indirect ? undefined : 'abort', right.acceptsIndirect(flags, features, before)),
    }),
  ),
} as const satisfies Record<string, RingFault>;
