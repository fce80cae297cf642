import { pattern } from '../../../drivers/devices/request.ts';
import { defineCase } from '../../case.ts';
import { presumesService, runningQueue, servesAfresh } from '../running-queue.ts';
import { internetFrame, pseudoHeaderSum } from './internet-frame.ts';
import { encodeNetHeader, type NetHeader, netPort } from './net-port.ts';

/** Headers of transmitted packets that ask for work on them (virtio 5.1.6.2). */

const NEEDS_CSUM = 1;
const gsoTypes = { tcpv4: 1, udp: 3, tcpv6: 4, 'udp-l4': 5, 'ecn-alone': 0x80, 'tcpv4,ecn': 0x81, undefined: 0x7f };

interface BadHeader {
  readonly key: string;
  readonly bytes: number;
  readonly header: Partial<NetHeader>;
}

const checksums: readonly BadHeader[] = [
  { key: 'csum_start=length', bytes: 100, header: { flags: NEEDS_CSUM, csumStart: 100, csumOffset: 0 } },
  { key: 'csum_start=length+1', bytes: 100, header: { flags: NEEDS_CSUM, csumStart: 101, csumOffset: 6 } },
  { key: 'csum_start=1000', bytes: 100, header: { flags: NEEDS_CSUM, csumStart: 1000, csumOffset: 16 } },
  { key: 'csum_start=0xffff', bytes: 100, header: { flags: NEEDS_CSUM, csumStart: 0xffff, csumOffset: 0xffff } },
  { key: 'csum_offset=length', bytes: 100, header: { flags: NEEDS_CSUM, csumStart: 34, csumOffset: 100 } },
  { key: 'csum_offset=0xffff', bytes: 100, header: { flags: NEEDS_CSUM, csumStart: 34, csumOffset: 0xffff } },
  { key: 'field-at-last-byte', bytes: 100, header: { flags: NEEDS_CSUM, csumStart: 34, csumOffset: 65 } },
  { key: 'sum-wraps-16-bits', bytes: 100, header: { flags: NEEDS_CSUM, csumStart: 0xfff0, csumOffset: 0x20 } },
  ...[1, 13, 14, 15, 20, 33].map((bytes) => ({
    key: `tiny=${bytes}`,
    bytes,
    header: { flags: NEEDS_CSUM, csumStart: 34, csumOffset: 16 },
  })),
  { key: 'tiny=15,inside', bytes: 15, header: { flags: NEEDS_CSUM, csumStart: 14, csumOffset: 0 } },
];

const segmentations: readonly BadHeader[] = Object.entries(gsoTypes).flatMap(([name, gsoType]) => [
  {
    key: `${name},gso_size=0`,
    bytes: 1400,
    header: { flags: NEEDS_CSUM, gsoType, hdrLen: 54, gsoSize: 0, csumStart: 34, csumOffset: 16 },
  },
  {
    key: `${name},gso_size=0xffff`,
    bytes: 1400,
    header: { flags: NEEDS_CSUM, gsoType, hdrLen: 54, gsoSize: 0xffff, csumStart: 34, csumOffset: 16 },
  },
  { key: `${name},without-needs-csum`, bytes: 1400, header: { gsoType, hdrLen: 54, gsoSize: 500 } },
  {
    key: `${name},hdr_len=0xffff`,
    bytes: 1400,
    header: { flags: NEEDS_CSUM, gsoType, hdrLen: 0xffff, gsoSize: 500, csumStart: 34, csumOffset: 16 },
  },
  {
    key: `${name},tiny`,
    bytes: 20,
    header: { flags: NEEDS_CSUM, gsoType, hdrLen: 54, gsoSize: 1, csumStart: 34, csumOffset: 16 },
  },
]);

const applies = { start: 'closed', devices: ['net'], negotiate: ['VIRTIO_NET_F_CSUM'] } as const;

export const survived = defineCase({
  id: 'virtio/net/bad-offload-header-is-survived',
  title: 'checksums behind the packet, segments of no size, and both on frames too short for any protocol are survived',
  proves: {
    'net/tx-bad-header-survived': [
      'net-checksum-behind-packet-crashes',
      'net-gso-of-size-zero-hangs',
      'net-offload-of-tiny-frame-crashes',
    ],
  },
  applies,
  run(context) {
    const check = context.requirement('net/tx-bad-header-survived');
    const { port } = context;
    presumesService(context, check);
    context.points([...checksums, ...segmentations], ({ key, bytes, header }) => {
      const { session, driver, queue } = runningQueue(context);
      const frame = internetFrame('tcp4', Math.max(bytes, 60)).subarray(0, bytes);
      queue.makeAvailable([
        driver.net.transmit({ seed: 1 }).segments,
        driver.net.transmitFrame(frame, {}, encodeNetHeader(header)).segments,
      ]);
      queue.kick();
      port.until(() => queue.usedCount() > 1 || queue.errors() > 0 || !session.isOpen, 20);
      if (session.isOpen) session.fence();
      if (session.isOpen) queue.stop();
      session.close();
      servesAfresh(context, check, `after ${key}`);
    });
  },
});

export const leaksNothing = defineCase({
  id: 'virtio/net/bad-checksum-header-leaks-nothing',
  title: 'a packet whose checksum would lie behind it is dropped, or goes out with no byte that was not sent',
  proves: { 'net/tx-bad-header-leaks-nothing': 'net-checksum-behind-packet-lengthens-it' },
  applies: { ...applies, start: 'closed' },
  run(context) {
    const check = context.requirement('net/tx-bad-header-leaks-nothing');
    const behind = checksums.filter(({ bytes }) => bytes === 100);
    context.points(behind, ({ key, bytes, header }) => {
      const session = context.connect('negotiated');
      const driver = context.driverOf(session);
      const { transmit, receive } = netPort({ driver, ring: context.ring });
      const buffers = [0, 1].map(() => driver.net.receiveBuffer(2048));
      receive.makeAvailable(buffers.map(({ request }) => request.segments));
      receive.kick();
      const frame = driver.net.frame(bytes, 9);
      transmit.makeAvailable([driver.net.transmitFrame(frame, {}, encodeNetHeader(header)).segments]);
      transmit.kick();
      context.port.until(() => transmit.usedCount() > 0 || transmit.errors() > 0 || !session.isOpen, 50);
      context.port.until(() => receive.usedCount() > 0 || !session.isOpen, 20);
      const count = session.isOpen ? receive.usedCount() : 0;
      const lengths = count === 0 ? [] : receive.waitForUsed(count).map(({ len }) => len - driver.net.headerSize);
      check.sameSequence(
        lengths.filter((length) => length > bytes),
        [],
        `lengths of packets of more than ${bytes} bytes that came back, ${key}`,
      );
      const expected = driver.net.returned(frame);
      for (const [n, length] of lengths.entries()) {
        const packet = (buffers[n]?.load() ?? new Uint8Array(0)).subarray(driver.net.headerSize).subarray(0, length);
        const strange = packet.filter((byte, at) => byte !== expected[at]).length;
        check.atMost(strange, 2, `bytes of packet ${n} that were not sent, beside those of one checksum`);
      }
      session.close();
    });
  },
});

export const completed = defineCase({
  id: 'virtio/net/partial-checksum-is-completed',
  title:
    'with CSUM, a packet that has its checksum left to the device arrives with the right one, or with a header that asks for it',
  proves: {
    'net/tx-partial-checksum-completed': [
      'net-checksum-not-completed',
      'net-checksum-from-start-of-frame',
      'net-checksum-zero-of-udp',
      'net-checksum-carries-too-early',
    ],
  },
  applies: {
    start: 'negotiated',
    devices: ['net'],
    negotiate: ['VIRTIO_NET_F_CSUM'],
    without: ['VIRTIO_NET_F_GUEST_CSUM'],
  },
  run(context) {
    const { driver, requirement } = context;
    const check = requirement('net/tx-partial-checksum-completed');
    const { transmit, receive } = netPort(context);
    const random = [
      [34, 16, 200],
      [34, 16, 201],
      [14, 10, 60],
      [40, 2, 1000],
    ] as const;
    const frames = random.map(([start, offset, bytes]) => {
      const frame = driver.net.frame(bytes, bytes);
      frame.set(pattern(2, bytes), start + offset);
      return { start, offset, frame, what: `${bytes} bytes` };
    });
    for (const { start, offset, frame, what } of [
      ...frames,
      sumWithoutCarry(driver.net.frame(100, 7)),
      udpOfSumZero(),
    ]) {
      const header = encodeNetHeader({ flags: NEEDS_CSUM, csumStart: start, csumOffset: offset });
      const { frame: packet } = driver.net.roundTrip(transmit, receive, frame, {}, header);
      const expected = driver.net.returned(frame);
      const sum = sumOf(expected, start);
      expected[start + offset] = sum >> 8;
      expected[start + offset + 1] = sum & 0xff;
      check.bytesEqual(packet, expected, `${what} with a checksum from ${start} on, in bytes ${start + offset}`);
    }
  },
});

/** The sum is 0xffff on its way, which is no carry yet. */
function sumWithoutCarry(frame: Uint8Array): { start: number; offset: number; frame: Uint8Array; what: string } {
  const start = 34;
  frame.fill(0, start).set([0xff, 0xf0, 0x00, 0x0f, 0x00, 0x01], start);
  return { start, offset: 16, frame, what: 'a sum of 0xffff on its way' };
}

/** A datagram whose checksum is 0, which is sent as 0xffff: 0 says that there is none (RFC 768). */
function udpOfSumZero(): ReturnType<typeof sumWithoutCarry> {
  const [start, offset, payload] = [34, 6, 42];
  const frame = internetFrame('udp4', 120);
  const view = new DataView(frame.buffer);
  view.setUint16(start + offset, pseudoHeaderSum(frame));
  view.setUint16(payload, 0);
  view.setUint16(payload, sumOf(frame, start));
  return { start, offset, frame, what: 'a datagram' };
}

/** The Internet checksum of the bytes from `start` on (RFC 1071); of 0 and 0xffff, which stand for the same, the second. */
function sumOf(bytes: Uint8Array, start: number): number {
  let sum = 0;
  for (const [at, byte] of bytes.subarray(start).entries()) sum += at % 2 === 0 ? byte * 256 : byte;
  while (sum > 0xffff) sum = Math.floor(sum / 0x1_0000) + (sum % 0x1_0000);
  return 0xffff - sum === 0 ? 0xffff : 0xffff - sum;
}
