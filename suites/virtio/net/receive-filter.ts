import type { ReceiveBuffer } from '../../../drivers/devices/net-frames.ts';
import { presupposing } from '../../../drivers/port/port.ts';
import { MAC_SIZE, netConfig, VIRTIO_NET_OK } from '../../../reference-impl/devices/net-layout.ts';
import type { Applies, CaseContext, VariantAxes } from '../../case.ts';
import type { Check } from '../../check.ts';
import { configFrom } from '../device-parts.ts';
import {
  type ControlCommand,
  changeVlans,
  commandQueue,
  type ReceiveMode,
  setMacTable,
  setMode,
} from './control-queue.ts';
import { type NetPort, netPort } from './net-port.ts';

/** What cases on the receive filter ask of a target (virtio 5.1.9.5.1 to 5.1.9.5.3). */
export const filterApplies = {
  start: 'negotiated',
  // Over vhost-user the front-end serves the control queue.
  transports: ['vhost-vdpa', 'virtio-pci'],
  devices: ['net'],
  needs: ['device.config'],
  when: [
    {
      holds: ({ workload }) => workload.kind === 'net' && workload['returns'] !== 'none',
      missing: 'frames that come in for those that are sent',
    },
  ],
} as const satisfies Applies;

export const filterFeatures = ['VIRTIO_NET_F_CTRL_VQ', 'VIRTIO_NET_F_CTRL_RX', 'VIRTIO_NET_F_MAC'] as const;
export const extraFeatures = [...filterFeatures, 'VIRTIO_NET_F_CTRL_RX_EXTRA'] as const;

/** Where a frame goes to. The station `other` and the group are none that the device knows of unless it is told. */
export const addresses = {
  other: [0x52, 0x54, 0x00, 0x99, 0x45, 0x23],
  second: [0x52, 0x54, 0x00, 0x9a, 0x46, 0x24],
  group: [0x03, 0x67, 0x45, 0x23, 0x01, 0xfe],
  broadcast: [0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
} as const;

export type Destination = keyof typeof addresses | 'own';

/** A packet by where it goes, and the VLAN of its tag. */
export type Packet = Destination | { readonly vlan: number };

export const destinationText: Readonly<Record<Destination, string>> = {
  own: 'to the address of the device',
  other: 'to another station',
  second: 'to a second other station',
  group: 'to a group',
  broadcast: 'to all stations',
};

const packetText = (packet: Packet): string =>
  typeof packet === 'string' ? destinationText[packet] : `${destinationText.own}, tagged with VLAN ${packet.vlan}`;

type FilterContext = Pick<CaseContext<string, VariantAxes>, 'port' | 'session' | 'driver' | 'ring' | 'guest'>;

/** A frame may be lost on its way, and no text forbids it. */
const tries = 3;
const bufferCount = 16;
const ringSize = 64;

/** A network device whose receive filter is given commands, and frames. */
export class ReceiveFilter {
  readonly #context: FilterContext;
  readonly #check: Check;
  readonly #port: NetPort;
  readonly #own: readonly number[];
  readonly #carryOut: (command: ControlCommand) => number;
  readonly #buffers = new Map<number, ReceiveBuffer>();
  readonly #came: Uint8Array[] = [];
  #taken = 0;
  #seed = 0;

  /** @param check what comes out is inconclusive under it where a command or a control fails. */
  constructor(context: FilterContext, check: Check) {
    this.#context = context;
    this.#check = check;
    this.#own = [...configFrom(context.session, check, netConfig.mac + MAC_SIZE).subarray(netConfig.mac)];
    this.#port = netPort(context, ringSize);
    this.#carryOut = commandQueue(context);
    for (let n = 0; n < bufferCount; n++) this.#lend(context.driver.net.bufferOf());
    this.#port.receive.kick();
  }

  /** The acknowledgement of the command that switches a mode. */
  acknowledgementOf(mode: ReceiveMode, isOn: boolean): number {
    return this.#carryOut(setMode(this.#context.guest, mode, isOn));
  }

  /** Switches a mode, as the case presupposes that it can. */
  switches(mode: ReceiveMode, isOn: boolean): void {
    const done = presupposing(() => this.acknowledgementOf(mode, isOn)) === VIRTIO_NET_OK;
    const what = `VIRTIO_NET_CTRL_RX_${mode} ${isOn ? 'on' : 'off'}`;
    this.#check.presumes(done, `${what} is acknowledged with VIRTIO_NET_OK`);
  }

  /** Gives the device a table of the addresses that are named; all others are out of it. */
  lists(...named: readonly Exclude<Destination, 'own' | 'broadcast'>[]): void {
    const macs = named.map((name) => addresses[name]);
    const isGroup = ([first = 0]: readonly number[]): boolean => first % 2 === 1;
    const unicast = macs.filter((mac) => !isGroup(mac));
    const command = setMacTable(this.#context.guest, unicast, macs.filter(isGroup));
    const done = presupposing(() => this.#carryOut(command)) === VIRTIO_NET_OK;
    this.#check.presumes(done, 'VIRTIO_NET_CTRL_MAC_TABLE_SET is acknowledged with VIRTIO_NET_OK');
  }

  /** Adds a VLAN to the table, or removes it. */
  vlan(change: 'ADD' | 'DEL', vlan: number): void {
    const done = presupposing(() => this.#carryOut(changeVlans(this.#context.guest, change, vlan))) === VIRTIO_NET_OK;
    const what = `VIRTIO_NET_CTRL_VLAN_${change} ${vlan} is acknowledged with VIRTIO_NET_OK`;
    this.#check.presumes(done, what);
  }

  /**
   * Whether a frame that goes there is received, in one of some tries. A frame behind it, to where the filter is open,
   * says when it would have come. @throws CaseEnded where that one is not received.
   */
  receives(to: Packet, openFor: Destination): boolean {
    const came = this.#trial(to, openFor);
    const what = `a frame ${destinationText[openFor]}, for which the filter is open, is received`;
    this.#check.presumes(came !== 'neither', what);
    return came === 'asked';
  }

  /**
   * The same of a frame that the filter has to let through: where neither is received, `takeBack` takes back what has it
   * so, and the frame behind has to be received then. @throws CaseEnded where that one is not.
   */
  delivers(to: Packet, openFor: Destination, takeBack: () => void): boolean {
    const came = this.#trial(to, openFor);
    if (came === 'neither') {
      takeBack();
      this.presumes(openFor, openFor, 'once that was taken back');
    }
    return came === 'asked';
  }

  /** What the case presupposes: such a frame is received now. @throws CaseEnded where it is not. */
  presumes(to: Packet, openFor: Destination, now: string): void {
    this.#check.presumes(this.receives(to, openFor), `a frame ${packetText(to)} is received ${now}`);
  }

  /** Sends both frames until one of them is received, or some times. */
  #trial(to: Packet, openFor: Destination): 'asked' | 'behind' | 'neither' {
    const { port } = this.#context;
    const sent: (readonly [asked: Arrival, behind: Arrival])[] = [];
    const isThere = (which: 0 | 1): boolean => {
      this.#take();
      return sent.some((both) => this.#came.some(both[which]));
    };
    for (let n = 0; n < tries && !isThere(0); n++) {
      sent.push([this.#send(to), this.#send(openFor)]);
      port.until(() => isThere(1), port.deadlineMs);
    }
    return isThere(0) ? 'asked' : isThere(1) ? 'behind' : 'neither';
  }

  /** Sends a frame for which one comes in that goes there. */
  #send(to: Packet): Arrival {
    const { net } = this.#context.driver;
    const seed = ++this.#seed;
    const { frame, problem } =
      typeof to !== 'string'
        ? net.exchangeTo(this.#own, seed, to.vlan)
        : net.exchangeTo(to === 'own' ? this.#own : addresses[to], seed);
    this.#port.transmit.makeAvailable([net.transmitFrame(frame).segments]);
    this.#port.transmit.kickAndWaitForUsed(1);
    return (came) => problem(came) === undefined;
  }

  /** Takes what came in, and lends its buffers again. */
  #take(): void {
    const { receive } = this.#port;
    const count = receive.usedCount() - this.#taken;
    if (count <= 0) return;
    this.#taken += count;
    for (const { id, len } of receive.waitForUsed(count)) {
      const buffer = this.#buffers.get(id);
      if (buffer === undefined) continue;
      this.#came.push(buffer.load().slice(this.#context.driver.net.headerSize, len));
      this.#lend(buffer);
    }
    receive.kick();
  }

  #lend(buffer: ReceiveBuffer): void {
    for (const id of this.#port.receive.makeAvailable([buffer.request.segments])) this.#buffers.set(id, buffer);
  }
}

/** Whether a frame is the one that was waited for. */
type Arrival = (came: Uint8Array) => boolean;
