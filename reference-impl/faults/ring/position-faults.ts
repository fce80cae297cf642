import type { RingFault } from '../fault.ts';
import { inPackedRing, inSplitRing, ringFault } from './ring-fault.ts';

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
  'used-position-outlives-ring': ringFault(
    'vu-vring/used-index-read-from-memory',
    'used elements go on where those of the ring before it ended, whatever memory or the base say',
    inSplitRing({ firstUsedIdx: (ringUsedIdx, _, earlierUsedIdx) => earlierUsedIdx ?? ringUsedIdx }),
    inPackedRing({
      firstPosition: (told, earlier) =>
        earlier === undefined ? told : { ...told, used: earlier.used, usedWrap: earlier.usedWrap },
    }),
  ),
  'base-is-used-idx': ringFault(
    'vu-vring/base-is-next-available-index',
    'GET_VRING_BASE tells the used idx',
    inSplitRing({ base: (_, usedIdx) => usedIdx }),
  ),
} as const satisfies Record<string, RingFault>;
