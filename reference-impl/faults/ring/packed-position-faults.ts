import { packedPosition } from '../../virtqueue/ring.ts';
import type { RingFault } from '../fault.ts';
import { inPackedRing, ringFault } from './ring-fault.ts';

/** Where packed rings begin and stop. */
export const packedPositionFaults = {
  'packed-base-without-wrap-counters': ringFault(
    'vu-vring/packed-base-read-has-indices-and-wrap-counters',
    'a ring reports wrap counter 1 for both indices when it stops',
    inPackedRing({ stopPosition: ({ avail, used }) => packedPosition(avail, 1, used, 1) }),
  ),
  'packed-base-without-used-half': ringFault(
    'vu-vring/packed-base-read-has-used-half',
    'a ring reports used slot 0 and wrap counter 0 when it stops',
    inPackedRing({ stopPosition: ({ avail, availWrap }) => packedPosition(avail, availWrap, 0, 0) }),
  ),
  'packed-base-wrap-counters-ignored': ringFault(
    'vu-vring/packed-base-write-sets-indices-and-wrap-counters',
    'rings begin with both wrap counters 1, whatever was set',
    inPackedRing({ firstPosition: ({ avail, used }) => packedPosition(avail, 1, used, 1) }),
  ),
  'packed-base-used-half-ignored': ringFault(
    'vu-vring/packed-base-write-sets-used-half',
    'the used index begins where the available one does',
    inPackedRing({ firstPosition: ({ avail, availWrap }) => packedPosition(avail, availWrap) }),
  ),
  'packed-base-used-half-ignored-later': ringFault(
    'vu-vring/packed-base-write-sets-used-half',
    'the used index of a ring that starts again begins where the available one does',
    inPackedRing({
      firstPosition: (position, earlier) =>
        earlier === undefined ? position : packedPosition(position.avail, position.availWrap),
    }),
  ),
} as const satisfies Record<string, RingFault>;
