import { unmetByRings } from '../devices/request-needs.ts';
import type { RingPosition, Stopped } from '../port/port.ts';

/** A ring stopped, and no call tells where. @throws RequestsUnknownError where the position is asked for. */
export const stoppedSomewhere: Stopped = {
  kind: 'stopped',
  get position(): RingPosition {
    throw unmetByRings('positions');
  },
};
