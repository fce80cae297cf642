import { errorName } from '../../reference-impl/wire/errno.ts';
import type { ControlOutcome } from '../port/outcome.ts';
import type { NumberRead, SessionDevice } from '../port/session-device.ts';
import type { MdevPlaces, VfioDevice } from '../port/vhost-mdev-door.ts';

/** Where the device behind a vhost-mdev session is found. */
export interface MdevReach {
  readonly vfio: VfioDevice;
  readonly places: MdevPlaces;
  readonly pageSize: number;
}

/** The device behind a vhost-mdev session. No message of vhost-mdev reads its configuration or its status. */
export class MdevDevice implements SessionDevice {
  readonly config = undefined;
  readonly status = undefined;
  readonly queues: { count(): NumberRead };
  readonly reset: () => ControlOutcome;

  constructor({ vfio, places, pageSize }: MdevReach, reset: () => ControlOutcome) {
    this.reset = reset;
    this.queues = {
      /** As many as have a page in the region of doorbells. */
      count: () => {
        const info = vfio.regionInfo(places.doorbells);
        if (typeof info !== 'number') return { kind: 'number', value: Number(info.size) / pageSize };
        return { kind: 'unreadable', why: `the region of doorbells: ${errorName(info)}` };
      },
    };
  }
}
