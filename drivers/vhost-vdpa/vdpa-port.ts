import type { GuestLayout } from '../../reference-impl/memory/guest-layout.ts';
import type { VdpaRange } from '../port/port.ts';
import type { VdpaNotification } from '../reach.ts';
import { DeviceFilePort, type DeviceFilePortOptions } from '../session/device-file-port.ts';
import type { MappedGuest } from '../session/guest-memory.ts';
import { within } from '../session/layout-within.ts';
import type { SessionPort } from '../session/session-port.ts';
import { RecordedVdpaFile } from './recorded-vdpa-file.ts';
import type { VdpaCarrier } from './vdpa-carrier.ts';
import { VdpaDeviceCalls } from './vdpa-device-calls.ts';
import { VdpaSession } from './vdpa-session.ts';

export interface VdpaPortOptions extends DeviceFilePortOptions {
  readonly carrier: VdpaCarrier;
  /** By eventfd unless told. */
  readonly notifyBy?: VdpaNotification;
}

/** The vhost-vdpa driver, over a device file of the kernel or the reference of this process. */
export class VdpaPort extends DeviceFilePort<VdpaSession> {
  readonly #options: VdpaPortOptions;
  /** Where the device takes I/O-virtual addresses, once a session has asked. */
  #range: VdpaRange | undefined;

  constructor(options: VdpaPortOptions) {
    super(options);
    this.#options = options;
  }

  protected open(id: number): ReturnType<SessionPort<VdpaSession>['open']> {
    const { carrier, notifyBy = 'eventfd' } = this.#options;
    const { pageSize } = carrier;
    const opened = carrier.open();
    if (opened.kind === 'refused') return opened;
    const calls = new VdpaDeviceCalls(new RecordedVdpaFile(opened.file, this.log, id, pageSize), pageSize);
    const range = calls.iovaRange();
    this.#range = typeof range === 'number' ? undefined : range;
    const session = new VdpaSession({
      context: this,
      calls,
      id,
      pageSize,
      range: this.#range,
      notifyBy,
      lend: (guest) => this.lend(guest),
    });
    return { kind: 'opened', session, detail: 'vhost-vdpa' };
  }

  protected override mapGuest(layout: GuestLayout, name: string, hasRedZones: boolean): MappedGuest {
    return super.mapGuest(this.#range === undefined ? layout : within(layout, this.#range), name, hasRedZones);
  }
}
