import type { DeviceDriver } from '../../drivers/devices/device-driver.ts';
import type { ReceiveBuffer } from '../../drivers/devices/net-frames.ts';
import type { Queue } from '../../drivers/port/port.ts';
import { macText, rarpRequest, senderOfRarp } from '../../reference-impl/devices/rarp.ts';
import { defineCase } from '../case.ts';
import { framesComeBack, netPort } from '../virtio/net/net-port.ts';

/** SEND_RARP (vhost-user, protocol feature RARP): the device announces a guest that has moved. */

const macs = [
  [0x52, 0x54, 0x00, 0xaa, 0xbb, 0x01],
  [0x02, 0x00, 0x5e, 0x10, 0x20, 0x30],
];
const macOfControl = Uint8Array.of(0x02, 0, 0, 0, 0, 0x11);
const buffersInAll = 16;
const headerMacs = 12;

/** The first six bytes of the payload. */
const wordOfMac = (mac: Uint8Array): bigint =>
  mac.reduce((word, byte, at) => word | (BigInt(byte) << BigInt(8 * at)), 0n);

export const announcesMac = defineCase({
  id: 'vhost-user/rarp/announces-the-given-mac',
  title: 'behind SEND_RARP a RARP frame of the given MAC is broadcast to the network',
  proves: { 'vu-net/rarp-broadcast-for-mac': ['rarp-never-sent', 'rarp-of-another-mac', 'rarp-to-one-station'] },
  applies: {
    start: 'negotiated',
    transports: ['vhost-user'],
    devices: ['net'],
    when: [framesComeBack],
    negotiate: ['VHOST_USER_PROTOCOL_F_RARP', 'VHOST_USER_PROTOCOL_F_REPLY_ACK'],
  },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-net/rarp-broadcast-for-mac');
    const { transmit, receive } = netPort({ driver, ring });
    const incoming = new IncomingRarp(receive, driver);
    const came = (mac: Uint8Array): ReturnType<typeof port.until> =>
      port.until(() => incoming.of(mac) !== undefined, port.deadlineMs);
    transmit.makeAvailable([driver.net.transmitFrame(rarpRequest(macOfControl)).segments]);
    transmit.kick();
    check.presumes(came(macOfControl) === 'true', 'a RARP broadcast that is transmitted comes back');
    for (const bytes of macs) {
      const mac = Uint8Array.from(bytes);
      const name = macText(mac);
      check.accepted(
        session.messages.acknowledged({ request: 'VHOST_USER_SEND_RARP', payload: { u64: wordOfMac(mac) } }),
        `SEND_RARP with ${name}`,
      );
      const outcome = came(mac);
      if (outcome === 'deadline') {
        check.silence(`a RARP frame behind SEND_RARP with ${name}`, 'it comes back', port.deadlineMs);
        return;
      }
      const frame = incoming.of(mac);
      if (!check.equal(outcome, 'true', `reception behind SEND_RARP with ${name}`) || frame === undefined) return;
      const expected = driver.net.returned(rarpRequest(mac)).subarray(0, headerMacs);
      check.equal(macText(frame.subarray(0, headerMacs)), macText(expected), 'MACs of its Ethernet header');
    }
  },
});

/** What comes into buffers on a receive ring. */
class IncomingRarp {
  readonly #receive: Queue;
  readonly #headerSize: number;
  readonly #buffers = new Map<number, ReceiveBuffer>();
  /** The first frame of each sender. */
  readonly #frames = new Map<string, Uint8Array>();

  constructor(receive: Queue, { net }: Pick<DeviceDriver, 'net'>) {
    this.#receive = receive;
    this.#headerSize = net.headerSize;
    const buffers = Array.from({ length: buffersInAll }, () => net.receiveBuffer(512));
    const ids = receive.makeAvailable(buffers.map(({ request }) => request.segments));
    for (const [at, id] of ids.entries()) {
      const buffer = buffers[at];
      if (buffer !== undefined) this.#buffers.set(id, buffer);
    }
    receive.kick();
  }

  /** A RARP frame of this sender, once one came. */
  of(mac: Uint8Array): Uint8Array | undefined {
    for (const { id, len } of this.#receive.driver.reapUsed()) {
      const frame = this.#buffers.get(id)?.load().slice(this.#headerSize, len);
      const sender = frame === undefined ? undefined : senderOfRarp(frame);
      if (frame !== undefined && sender !== undefined && !this.#frames.has(sender)) this.#frames.set(sender, frame);
    }
    return this.#frames.get(macText(mac));
  }
}
