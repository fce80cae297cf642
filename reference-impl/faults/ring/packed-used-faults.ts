import { VIRTQ_DESC_F_INDIRECT, VIRTQ_DESC_F_WRITE } from '../../virtqueue/descriptor.ts';
import { packedDeviceRules as right } from '../../virtqueue/packed/device-rules.ts';
import { VIRTQ_DESC_F_USED } from '../../virtqueue/packed/layout.ts';
import type { PackedRing } from '../../virtqueue/packed/ring-memory.ts';
import type { RingFault } from '../fault.ts';
import { ofBlockAlone } from '../fault.ts';
import { inPackedRing, ringFault, waiting } from './ring-fault.ts';

const tableWithWrite = VIRTQ_DESC_F_INDIRECT | VIRTQ_DESC_F_WRITE;

/** Rings of which the first buffer of a packet was shown too early: the others are left out. */
const withoutOthers = new WeakSet<PackedRing>();

/** Used descriptors of packed rings: where they lie, what they hold, when they are shown. */
export const packedUsedFaults = {
  'packed-used-id-from-first-descriptor': ringFault(
    'packed/used-id-is-buffer-id',
    'the id of a used descriptor is that of the first descriptor of the list',
    inPackedRing({ chainId: (first) => first }),
  ),
  'packed-used-bits-differ': ringFault(
    'packed/used-bits-equal-wrap-counter',
    'AVAIL is clear in the used descriptor of a list of five descriptors, in laps of wrap counter 1',
    inPackedRing({
      usedFlags: (completion, wrap) =>
        completion.chain.descriptors === 5 && wrap === 1 ? VIRTQ_DESC_F_USED : right.usedFlags(completion, wrap),
    }),
  ),
  'packed-used-descriptor-one-slot-early': ringFault(
    'packed/used-descriptor-position',
    'behind a list of four descriptors the next used descriptor lies one slot too early',
    inPackedRing({ slotsPassed: ({ descriptors, slots }) => (descriptors === 4 && slots > 1 ? slots - 1 : slots) }),
  ),
  'packed-used-place-left-out': ringFault(
    'packed/used-written-in-ring-order',
    'behind a list of four descriptors one slot is left out',
    inPackedRing({ slotsPassed: ({ descriptors, slots }) => (descriptors === 4 ? slots + 1 : slots) }),
  ),
  'packed-used-descriptor-for-each': ringFault(
    'packed/one-used-descriptor-per-list',
    'each descriptor of a list of six becomes used',
    inPackedRing({
      afterwards: (ring, slot, { chain, written }) => {
        if (chain.descriptors !== 6) return;
        for (let at = slot + 1; at < slot + chain.slots; at++) ring.setUsed(at % ring.size, chain.id, written);
      },
    }),
  ),
  'packed-used-write-flag-always': ringFault(
    'packed/used-write-flag-tells-of-data',
    'the WRITE flag of every used descriptor is set',
    inPackedRing({ usedFlags: (completion, wrap) => right.usedFlags(completion, wrap) | VIRTQ_DESC_F_WRITE }),
  ),
  'packed-used-write-flag-lost': ofBlockAlone(
    ringFault(
      'packed/used-write-flag-tells-of-data',
      'the WRITE flag is clear behind a list of four descriptors',
      inPackedRing({
        usedFlags: (completion, wrap) => {
          const flags = right.usedFlags(completion, wrap);
          return completion.chain.descriptors === 4 ? flags & ~VIRTQ_DESC_F_WRITE : flags;
        },
      }),
    ),
  ),
  'packed-used-write-flag-of-table-kept': ringFault(
    'packed/used-write-flag-tells-of-data',
    'a used descriptor in the place of one with both INDIRECT and WRITE keeps the WRITE flag',
    inPackedRing({
      publishUsed: (ring, slot, id, len, flags, isHeldBack) => {
        const kept = (ring.flags(slot) & tableWithWrite) === tableWithWrite ? VIRTQ_DESC_F_WRITE : 0;
        right.publishUsed(ring, slot, id, len, flags | kept, isHeldBack);
      },
    }),
  ),
  'packed-used-bits-before-id': ringFault(
    'packed/used-descriptor-left-alone',
    'in rings of more than 100 descriptors and behind slot 20 the bits say used, and id and len are never written',
    inPackedRing({
      publishUsed: (ring, slot, id, len, flags, isHeldBack) => {
        if (ring.size > 100 && slot > 20) ring.setFlags(slot, flags);
        else right.publishUsed(ring, slot, id, len, flags, isHeldBack);
      },
    }),
  ),
  'packed-used-descriptor-rewritten': ringFault(
    'packed/used-descriptor-left-alone',
    'in rings of more than 100 descriptors and behind slot 20 the used descriptor in slot 0 is written again',
    inPackedRing({
      afterwards: (ring, slot) => {
        if (ring.size > 100 && slot > 20) ring.setUsed(0, 0x5555, 0);
      },
    }),
  ),
  'packed-in-order-batch-not-skipped': ringFault(
    'packed/in-order-batch-by-last-id',
    'with IN_ORDER two lists get one used descriptor, and the next one lies as though it were for the second alone',
    inPackedRing({
      completions: waiting((held, pending, { inOrder }) => {
        if (!inOrder) return held;
        return pending() > 0 && held.length === 1 ? [] : held.slice(-1);
      }),
    }),
  ),
  'packed-first-buffer-used-first': ringFault(
    'packed/first-buffer-of-request-used-last',
    'of the buffers of one packet the first becomes used, and the others do not',
    inPackedRing({
      publishUsed: (ring, slot, id, len, flags, isHeldBack) => {
        if (isHeldBack) withoutOthers.add(ring);
        const isLeftOut = withoutOthers.has(ring) && !isHeldBack;
        right.publishUsed(ring, slot, id, len, flags, isLeftOut);
      },
      show: (ring) => {
        withoutOthers.delete(ring);
      },
    }),
  ),
  'packed-driver-area-scribbled': ringFault(
    'packed/driver-area-never-written',
    'a bit of the event offset is inverted once a list of six descriptors is used',
    inPackedRing({
      afterwards: (ring, _slot, { chain }) => {
        if (chain.descriptors === 6) ring.setDriverEvent(ring.driverEvent() ^ 1);
      },
    }),
  ),
} as const satisfies Record<string, RingFault>;
