import type { ReceiveBuffer } from '../../drivers/devices/net-frames.ts';
import type { Queue } from '../../drivers/port/port.ts';
import { macText, type RarpRequest, rarpIn } from '../../reference-impl/devices/rarp.ts';
import { defineCase } from '../case.ts';
import { framesComeBack, netPort } from '../virtio/net/net-port.ts';

/** SEND_RARP (vhost-user, protocol feature RARP): the device announces a guest that has moved. */

const everybody = 'ff:ff:ff:ff:ff:ff';
const macs = [
  [0x52, 0x54, 0x00, 0xaa, 0xbb, 0x01],
  [0x02, 0x00, 0x5e, 0x10, 0x20, 0x30],
];
const buffersInAll = 8;

/** The first six bytes of the payload. */
const wordOfMac = (mac: Uint8Array): bigint =>
  mac.reduce((word, byte, at) => word | (BigInt(byte) << BigInt(8 * at)), 0n);

export const announcesMac = defineCase({
  id: 'vhost-user/rarp/announces-the-given-mac',
  title: 'behind SEND_RARP a RARP request of the given MAC is broadcast to the network',
  proves: { 'vu-net/rarp-broadcast-for-mac': ['rarp-never-sent', 'rarp-of-another-mac'] },
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
    driver.warmUp(transmit);
    const buffers = Array.from({ length: buffersInAll }, () => driver.net.receiveBuffer(512));
    const incoming = new Incoming(receive, driver.net.headerSize, buffers);
    for (const bytes of macs) {
      const mac = Uint8Array.from(bytes);
      const name = macText(mac);
      incoming.forget();
      check.accepted(
        session.messages.acknowledged({ request: 'VHOST_USER_SEND_RARP', payload: { u64: wordOfMac(mac) } }),
        `SEND_RARP with ${name}`,
      );
      const outcome = port.until(() => incoming.rarp() !== undefined, port.deadlineMs);
      if (outcome === 'deadline') {
        check.silence(`a RARP request behind SEND_RARP with ${name}`, 'it comes back', port.deadlineMs);
        return;
      }
      const came = incoming.rarp();
      if (!check.equal(outcome, 'true', `reception behind SEND_RARP with ${name}`) || came === undefined) return;
      // On its way back a device may have swapped the two of the header.
      check.equal([...came.header].sort().join(), [everybody, name].sort().join(), 'MACs of its Ethernet header');
      check.equal(came.sender, name, 'MAC of the sender');
      check.equal(came.target, name, 'MAC of the target');
    }
  },
});

/** What comes into buffers on a receive ring. */
class Incoming {
  readonly #receive: Queue;
  readonly #headerSize: number;
  readonly #buffers = new Map<number, ReceiveBuffer>();
  #found: RarpRequest | undefined;

  constructor(receive: Queue, headerSize: number, buffers: readonly ReceiveBuffer[]) {
    this.#receive = receive;
    this.#headerSize = headerSize;
    const ids = receive.makeAvailable(buffers.map(({ request }) => request.segments));
    for (const [at, id] of ids.entries()) {
      const buffer = buffers[at];
      if (buffer !== undefined) this.#buffers.set(id, buffer);
    }
    receive.kick();
  }

  forget(): void {
    this.#found = undefined;
  }

  /** The first RARP request that came since. */
  rarp(): RarpRequest | undefined {
    for (const { id, len } of this.#receive.driver.reapUsed()) {
      const frame = this.#buffers.get(id)?.load().subarray(this.#headerSize, len);
      if (frame !== undefined) this.#found ??= rarpIn(frame);
    }
    return this.#found;
  }
}
