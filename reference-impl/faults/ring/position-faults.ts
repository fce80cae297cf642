import type { RingFault } from '../fault.ts';
import { inSplitRing, ringFault } from './ring-fault.ts';

/** Where a ring begins, stops and goes on. */
export const positionFaults = {
  'set-base-ignored': ringFault(
    'vu-vring/resume-from-saved-base',
    'SET_VRING_BASE is acknowledged, and rings begin at 0',
    inSplitRing({ firstAvailIdx: () => 0 }),
  ),
  'base-taken-from-used-idx': ringFault(
    'vu-vring/resume-from-saved-base',
    'rings begin one behind the base that was set, so that a request is carried out twice',
    inSplitRing({ firstAvailIdx: (base) => (base === 0 ? 0 : base - 1) }),
  ),
  'used-idx-begins-at-base': ringFault(
    'vu-vring/used-index-read-from-memory',
    'the used idx begins at the base, whatever memory holds',
    inSplitRing({ firstUsedIdx: (_, firstAvailIdx) => firstAvailIdx }),
  ),
  'used-idx-begins-at-0': ringFault(
    'vu-vring/used-index-read-from-memory',
    'the used idx begins at 0, whatever memory holds',
    inSplitRing({ firstUsedIdx: () => 0 }),
  ),
  'ring-slots-taken-modulo-256': ringFault(
    'vu-ring-state/enabled-ring-handles-every-request',
    'of the available ring only the first 256 slots are read',
    inSplitRing({ availSlot: (lastAvailIdx, size) => lastAvailIdx & (size - 1) & 0xff }),
  ),
} as const satisfies Record<string, RingFault>;
