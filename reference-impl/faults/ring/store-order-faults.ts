import { packedDeviceRules } from '../../virtqueue/packed/device-rules.ts';
import { splitDeviceRules } from '../../virtqueue/split/device-rules.ts';
import type { RingFault } from '../fault.ts';
import { inPackedRing, inSplitRing, ringFault } from './ring-fault.ts';

/** The order of stores to a ring, which is seen between two of them alone: memory is right behind the last one. */
export const storeOrderFaults = {
  'used-element-stored-behind-idx': ringFault(
    'split/used-len-before-used-idx',
    'the used idx is stored before the used element that it shows',
    inSplitRing({
      publishUsed: (ring, slot, id, len, nextIdx) => {
        ring.setUsedIdx(nextIdx);
        ring.setUsedElement(slot, id, len);
      },
    }),
  ),
  'packet-buffers-shown-one-by-one': ringFault(
    'net/packet-buffers-used-together',
    'each buffer of a packet is shown by itself',
    inSplitRing({
      publishUsed: (ring, slot, id, len) =>
        splitDeviceRules.publishUsed(ring, slot, id, len, splitDeviceRules.nextUsedIdx(ring.usedIdx())),
    }),
    inPackedRing({
      publishUsed: (ring, slot, id, len, flags) => packedDeviceRules.publishUsed(ring, slot, id, len, flags, false),
    }),
  ),
} as const satisfies Record<string, RingFault>;
