import { DeviceFilePort, type DeviceFilePortOptions } from '../session/device-file-port.ts';
import type { SessionPort } from '../session/session-port.ts';
import { recordedOpening } from '../vfio/recorded-vfio-file.ts';
import type { VfioCarrier } from '../vfio/vfio-carrier.ts';
import type { NotifyBy } from './mdev-queue.ts';
import { MdevSession } from './mdev-session.ts';
import { openMdevDevice } from './open-mdev-device.ts';

export interface MdevPortOptions extends DeviceFilePortOptions {
  readonly carrier: VfioCarrier;
  /** By write unless told. */
  readonly notifyBy?: NotifyBy;
}

/** The vhost-mdev driver, in layout L1 or L2 as the device says, over any carrier of VFIO. */
export class MdevPort extends DeviceFilePort<MdevSession> {
  readonly #options: MdevPortOptions;

  constructor(options: MdevPortOptions) {
    super(options);
    this.#options = options;
  }

  protected open(id: number): ReturnType<SessionPort<MdevSession>['open']> {
    const opened = this.#options.carrier.open(recordedOpening(this.log, id));
    if (opened.kind === 'refused') return opened;
    const found = openMdevDevice(opened.file, this.log, id);
    if (found.kind === 'refused') return found;
    const { device, places } = found;
    const { carrier, notifyBy = 'write' } = this.#options;
    const session = new MdevSession({
      context: this,
      vfio: device,
      places,
      id,
      pageSize: carrier.pageSize,
      notifyBy,
      lend: (guest) => this.lend(guest),
    });
    return { kind: 'opened', session, detail: `layout ${places.name}` };
  }
}
