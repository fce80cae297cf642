import type { DeviceRules } from '../../devices/device-rules.ts';
import { NetDevice } from '../../devices/net-device.ts';
import {
  netConfig,
  VIRTIO_NET_CTRL_MQ,
  VIRTIO_NET_CTRL_MQ_HASH_CONFIG,
  VIRTIO_NET_CTRL_MQ_RSS_CONFIG,
  VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET,
  VIRTIO_NET_F_CTRL_VQ,
  VIRTIO_NET_F_HASH_REPORT,
  VIRTIO_NET_F_MQ,
  VIRTIO_NET_F_RSS,
} from '../../devices/net-layout.ts';
import type { Span } from '../../memory/span.ts';
import { VIRTIO_F_VERSION_1 } from '../../virtqueue/feature-bits.ts';
import { readable, writable } from '../../virtqueue/segment.ts';
import { type Note, place, smallGuest } from './observing.ts';
import { harness } from './queue-harness.ts';

const pairs = 3;
const headerSize = 20;

/** A UDP packet of IPv4 whose ports are 0x0102 and 0x0304, from 1.2.3.4 to 5.6.7.8. */
const packet = [
  ...[...new Array<number>(12).fill(2), 8, 0, 0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17, 0, 0],
  ...[1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 0, 26, 0, 0, ...new Array<number>(18).fill(9)],
];
const noPacket = packet.with(12, 0x88);

/** Where frames come that were sent on several pairs, with which hash: without commands, and behind each of them. */
export function observeSteering(rules: DeviceRules, note: Note): void {
  const device = new NetDevice({ pairs, hasControlQueue: true, transport: rules.transport, rules: rules.net });
  const bits = VIRTIO_NET_F_CTRL_VQ | VIRTIO_NET_F_MQ | VIRTIO_NET_F_RSS | VIRTIO_NET_F_HASH_REPORT;
  const h = harness(device, { guest: smallGuest(), features: VIRTIO_F_VERSION_1 | bits, size: 16 });
  const buffers = new Map<string, Span>();
  const receive = Array.from({ length: pairs }, (_, pair) => h.queue(2 * pair));
  for (const [pair, { driver, run }] of receive.entries()) {
    for (let n = 0; n < 8; n++) {
      const buffer = h.guest.allocate({ size: headerSize + packet.length });
      buffers.set(`${pair} ${driver.add([writable(buffer)])}`, buffer);
    }
    run();
  }
  const send = (frame: readonly number[], pair: number, what: string): void => {
    const [span] = place(
      h,
      Uint8Array.from([...new Array<number>(headerSize).fill(0), ...frame]),
      headerSize + frame.length,
    );
    const { driver, run } = h.queue(2 * pair + 1);
    if (span !== undefined) driver.add([readable(span)]);
    run();
    note(
      what,
      receive.map((queue, at) =>
        queue.driver.reapUsed().map(({ id }) => [...(buffers.get(`${at} ${id}`)?.load().subarray(12, 20) ?? [])]),
      ),
    );
  };
  const command = (number: number, ...data: readonly number[]): void => {
    const [written] = place(h, Uint8Array.of(VIRTIO_NET_CTRL_MQ, number, ...data), 2 + data.length);
    const answer = h.guest.allocate({ size: 1 });
    const { driver, run } = h.queue(2 * pairs);
    driver.add([...(written === undefined ? [] : [readable(written)]), writable(answer)]);
    run();
    note(`command ${number} ${data.join(' ')}`, [driver.reapUsed().length, ...answer.load()]);
  };
  note('config of hashes', [...(device.readConfig(netConfig.rssMaxKeySize, 7) ?? [])]);
  send(packet, 0, 'before any command');
  command(VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, pairs, 0);
  send(packet, 2, 'on the last pair');
  device.setQueueEnabled(4, false);
  send(packet, 2, 'with its receive queue in reset');
  device.setQueueEnabled(4, true);
  command(VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, 2, 0);
  send(packet, 2, 'beyond two pairs');
  command(VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, pairs + 1, 0);
  const key = Array.from({ length: 40 }, (_, n) => (n * 37 + 11) & 0xff);
  command(VIRTIO_NET_CTRL_MQ_HASH_CONFIG, 0x3f, 0, 0, 0, ...new Array<number>(8).fill(0), 40, ...key);
  send(packet, 0, 'with hashes');
  const ofTable = (...table: readonly number[]): number[] => [
    table.length - 1,
    0,
    1,
    0,
    ...table.flatMap((n) => [n, 0]),
  ];
  command(VIRTIO_NET_CTRL_MQ_RSS_CONFIG, 0x3f, 0, 0, 0, ...ofTable(0, 2, 1, 2), 1, 0, 40, ...key);
  send(packet, 0, 'with receive-side scaling');
  send(noPacket, 0, 'unclassified');
  command(VIRTIO_NET_CTRL_MQ_RSS_CONFIG, 0x3f, 0, 0, 0, ...ofTable(2), 1, 0, 40, ...key);
  device.setQueueEnabled(4, false);
  send(packet, 0, 'directed to a queue in reset');
  device.setQueueEnabled(4, true);
  // A table of three entries, a queue that is not there, a type without a meaning, a key that is too long.
  command(VIRTIO_NET_CTRL_MQ_RSS_CONFIG, 1, 0, 0, 0, ...ofTable(0, 0, 0), 1, 0, 0);
  command(VIRTIO_NET_CTRL_MQ_RSS_CONFIG, 1, 0, 0, 0, ...ofTable(3), 1, 0, 0);
  command(VIRTIO_NET_CTRL_MQ_HASH_CONFIG, 0, 2, 0, 0, ...new Array<number>(8).fill(0), 0);
  command(VIRTIO_NET_CTRL_MQ_HASH_CONFIG, 1, 0, 0, 0, ...new Array<number>(8).fill(0), 41, ...key, 0);
  device.reset();
}
