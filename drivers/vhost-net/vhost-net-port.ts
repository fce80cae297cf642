import { DeviceFilePort, type DeviceFilePortOptions } from '../session/device-file-port.ts';
import type { SessionPort } from '../session/session-port.ts';
import { RecordedVdpaFile } from '../vhost-vdpa/recorded-vdpa-file.ts';
import type { VdpaCarrier } from '../vhost-vdpa/vdpa-carrier.ts';
import { VdpaDeviceCalls } from '../vhost-vdpa/vdpa-device-calls.ts';
import type { Tap } from './tap.ts';
import { VhostNetSession } from './vhost-net-session.ts';

export interface VhostNetPortOptions extends DeviceFilePortOptions {
  readonly carrier: VdpaCarrier;
  readonly tap: Tap;
}

/** The driver of /dev/vhost-net, with a tap whose frames come back. */
export class VhostNetPort extends DeviceFilePort<VhostNetSession> {
  readonly #options: VhostNetPortOptions;

  constructor(options: VhostNetPortOptions) {
    super(options);
    this.#options = options;
    this.waiting.set.add(options.tap);
  }

  protected open(id: number): ReturnType<SessionPort<VhostNetSession>['open']> {
    const { carrier, tap } = this.#options;
    const { pageSize } = carrier;
    if (this.sessions.every(({ isOpen }) => !isOpen)) tap.drain();
    const opened = carrier.open();
    if (opened.kind === 'refused') return opened;
    const calls = new VdpaDeviceCalls(new RecordedVdpaFile(opened.file, this.log, id, pageSize), pageSize);
    return {
      kind: 'opened',
      session: new VhostNetSession({ context: this, calls, tap, id }),
      detail: 'vhost-net',
    };
  }

  override close(): void {
    this.releaseAll();
    this.waiting.set.remove(this.#options.tap);
    super.close();
    this.#options.tap.close();
  }
}
