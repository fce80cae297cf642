import { DeviceFilePort, type DeviceFilePortOptions } from '../session/device-file-port.ts';
import type { SessionPort } from '../session/session-port.ts';
import type { NetworkQueue } from './network-queue.ts';
import { RecordedVhostNetFile } from './recorded-vhost-net-file.ts';
import type { VhostNetCarrier } from './vhost-net-carrier.ts';
import { VhostNetDeviceCalls } from './vhost-net-device-calls.ts';
import { OpenVhostNet } from './vhost-net-session.ts';

export interface VhostNetPortOptions extends DeviceFilePortOptions {
  readonly carrier: VhostNetCarrier;
  readonly network: NetworkQueue;
}

/** The driver of /dev/vhost-net, with a network whose frames come back. */
export class VhostNetPort extends DeviceFilePort<OpenVhostNet> {
  readonly #options: VhostNetPortOptions;

  constructor(options: VhostNetPortOptions) {
    super(options);
    this.#options = options;
    this.waiting.set.add(options.network);
  }

  protected open(id: number): ReturnType<SessionPort<OpenVhostNet>['open']> {
    const { carrier, network } = this.#options;
    if (this.sessions.every(({ isOpen }) => !isOpen)) network.drain();
    const opened = carrier.open();
    if (opened.kind === 'refused') return opened;
    const calls = new VhostNetDeviceCalls(new RecordedVhostNetFile(opened.file, this.log, id));
    return {
      kind: 'opened',
      session: new OpenVhostNet({ context: this, calls, network, id, lend: (guest) => this.lend(guest) }),
      detail: 'vhost-net',
    };
  }

  override close(): void {
    this.releaseAll();
    this.waiting.set.remove(this.#options.network);
    super.close();
    this.#options.network.close();
  }
}
