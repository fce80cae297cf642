import type { ReceiveBuffer } from '../../../drivers/devices/net-frames.ts';
import { defineCase } from '../../case.ts';
import { decodeNetHeader } from './net-port.ts';

/** Receive buffers much larger, and much smaller, than the packets that come (virtio 5.1.6.3). */

export const room = defineCase({
  id: 'virtio/net/receive-room-has-32-bits',
  title: 'frames arrive whole in receive chains of 64 KiB and more, in one descriptor or in several',
  proves: { 'net/any-receive-room-serves': 'net-receive-room-in-16-bits' },
  applies: { start: 'negotiated', devices: ['net'] },
  variants: { bytes: [65_535, 65_536, 65_562, 65_568, 131_072], descriptors: [1, 4] },
  run({ driver, ring, variant, requirement }) {
    const { bytes, descriptors } = variant;
    const check = requirement('net/any-receive-room-serves');
    const receive = driver.attach(ring({ size: 16 }), { index: driver.net.facts.receiveIndex });
    const transmit = driver.attach(ring({ size: 16 }));
    const cuts = new Array<number>(descriptors - 1).fill(Math.floor(bytes / descriptors));
    for (const length of [60, 1514]) {
      const buffer = driver.net.receiveBuffer(bytes, { writableCuts: cuts });
      receive.makeAvailable([buffer.request.segments]);
      receive.kick();
      const frame = driver.net.frame(length, length);
      transmit.makeAvailable([driver.net.transmitFrame(frame).segments]);
      transmit.kick();
      const [used] = receive.waitForUsed(1);
      transmit.waitForUsed(1);
      const packet = buffer.load().subarray(driver.net.headerSize, used?.len);
      check.bytesEqual(packet, driver.net.returned(frame), `a frame of ${length} bytes in a chain of ${bytes}`);
    }
  },
});

export const manyBuffers = defineCase({
  id: 'virtio/net/a-packet-lies-in-more-than-64-buffers',
  title:
    'with MRG_RXBUF a packet of 1514 bytes lies in as many buffers of 20 bytes as it needs, 77, and num_buffers says so',
  proves: { 'net/num-buffers-counts-buffers': 'net-packet-over-64-buffers-lost' },
  applies: { start: 'negotiated', devices: ['net'], negotiate: ['VIRTIO_NET_F_MRG_RXBUF'] },
  run({ driver, ring, requirement }) {
    const check = requirement('net/num-buffers-counts-buffers');
    const bufferBytes = 20;
    const receive = driver.attach(ring({ size: 256 }), { index: driver.net.facts.receiveIndex });
    const transmit = driver.attach(ring({ size: 16 }));
    const frame = driver.net.frame(1514, 3);
    const needed = Math.ceil((driver.net.headerSize + frame.length) / bufferBytes);
    const buffers: ReceiveBuffer[] = Array.from({ length: 120 }, () => driver.net.receiveBuffer(bufferBytes));
    receive.makeAvailable(buffers.map(({ request }) => request.segments));
    receive.kick();
    transmit.makeAvailable([driver.net.transmitFrame(frame).segments]);
    transmit.kick();
    const [first] = receive.waitForUsed(1);
    const { numBuffers } = decodeNetHeader(buffers[0]?.load() ?? new Uint8Array(bufferBytes));
    if (!check.equal(numBuffers, needed, `num_buffers of a packet of ${frame.length} bytes`)) return;
    const lengths = [first, ...receive.waitForUsed(needed - 1)].map((used) => used?.len ?? 0);
    const parts = lengths.flatMap((length, n) => [...(buffers[n]?.load().subarray(0, length) ?? [])]);
    const packet = Uint8Array.from(parts).subarray(driver.net.headerSize);
    check.bytesEqual(packet, driver.net.returned(frame), 'what those buffers hold');
  },
});

export const longTable = defineCase({
  id: 'virtio/net/frame-in-a-table-of-200-entries-arrives',
  title: 'a frame that an indirect table of 200 descriptors holds, on a ring of 256, arrives whole',
  proves: { 'indirect/table-served-like-chain': 'indirect-table-of-128-entries-at-most' },
  applies: { start: 'negotiated', devices: ['net'], negotiate: ['VIRTIO_F_INDIRECT_DESC'] },
  run({ driver, ring, requirement }) {
    const check = requirement('indirect/table-served-like-chain');
    const entries = 200;
    const receive = driver.attach(ring({ size: 16 }), { index: driver.net.facts.receiveIndex });
    const transmit = driver.attach(ring({ size: 256 }), { indirect: true });
    for (const seed of [1, 2]) {
      const buffer = driver.net.receiveBuffer(2048);
      receive.makeAvailable([buffer.request.segments]);
      receive.kick();
      const frame = driver.net.frame(1400, seed);
      const cuts = [driver.net.headerSize, ...new Array<number>(entries - 2).fill(7)];
      transmit.makeAvailable([driver.net.transmitFrame(frame, { readableCuts: cuts }).segments], { indirect: 'all' });
      transmit.kick();
      const [used] = receive.waitForUsed(1);
      transmit.waitForUsed(1);
      const packet = buffer.load().subarray(driver.net.headerSize, used?.len);
      if (!check.bytesEqual(packet, driver.net.returned(frame), `frame ${seed}`)) return;
    }
  },
});

export const largerThanRing = defineCase({
  id: 'virtio/net/packet-larger-than-ring-is-survived',
  title:
    'a packet that all buffers of the receive ring together do not hold is dropped, and a short one behind it arrives',
  proves: { 'net/packet-larger-than-ring-survived': 'net-packet-larger-than-ring-waits' },
  applies: { start: 'negotiated', devices: ['net'], negotiate: ['VIRTIO_NET_F_MRG_RXBUF'] },
  run({ port, driver, ring, requirement }) {
    const check = requirement('net/packet-larger-than-ring-survived');
    const size = 4;
    const receive = driver.attach(ring({ size }), { index: driver.net.facts.receiveIndex });
    const transmit = driver.attach(ring({ size: 16 }));
    const buffers = Array.from({ length: size }, () => driver.net.receiveBuffer(64));
    receive.makeAvailable(buffers.map(({ request }) => request.segments));
    receive.kick();
    transmit.makeAvailable([driver.net.transmitFrame(driver.net.frame(1200, 1)).segments]);
    transmit.kickAndWaitForUsed(1);
    const short = driver.net.frame(60, 2);
    // More than once: a device may drop what comes while it still has the long one.
    for (let n = 0; n < 10 && receive.usedCount() === 0; n++) {
      transmit.makeAvailable([driver.net.transmitFrame(short).segments]);
      transmit.kickAndWaitForUsed(1);
      port.until(() => receive.usedCount() !== 0, 50);
    }
    const used = receive.waitForUsed(2);
    const bytes = used.flatMap(({ len }, n) => [...(buffers[n]?.load().subarray(0, len) ?? [])]);
    const packet = Uint8Array.from(bytes).subarray(driver.net.headerSize);
    check.bytesEqual(packet, driver.net.returned(short), 'the first packet that arrived');
  },
});
