import { seenWithinMs } from '../../../judging/deadline.ts';
import { defineCase } from '../../case.ts';
import { netPort } from './net-port.ts';

/** Frames on their way through the device (virtio 5.1.6). */

const longestFrame = 1514;

export const sizes = defineCase({
  id: 'virtio/net/frames-arrive-intact',
  title: 'frames of every size, in any descriptors, come back byte for byte',
  proves: { 'net/frames-arrive-intact': 'net-frame-byte-inverted' },
  applies: { start: 'closed', devices: ['net'] },
  run(context) {
    const { driverOf, ring, points, connect, requirement } = context;
    const check = requirement('net/frames-arrive-intact');
    const lengths = [60, 61, 64, 127, 128, 256, 511, 512, 1000, 1024, 1513, longestFrame];
    const all = [
      ...lengths.map((bytes) => ({ key: `bytes=${bytes}`, bytes, readableCuts: [], writableCuts: [] })),
      { key: 'cut-inside-header', bytes: 300, readableCuts: [4], writableCuts: [5] },
      { key: 'header-apart', bytes: 300, readableCuts: [12], writableCuts: [12] },
      { key: 'header-bytewise', bytes: 300, readableCuts: new Array(12).fill(1), writableCuts: new Array(12).fill(1) },
      {
        key: 'many-descriptors',
        bytes: longestFrame,
        readableCuts: new Array(24).fill(61),
        writableCuts: new Array(24).fill(59),
      },
    ];
    points(all, ({ key, bytes, readableCuts, writableCuts }) => {
      const session = connect('negotiated');
      const driver = driverOf(session);
      const { transmit, receive } = netPort({ driver, ring });
      const frame = driver.net.frame(bytes, bytes);
      const returned = driver.net.roundTrip(transmit, receive, frame, { readableCuts, writableCuts });
      check.bytesEqual(returned.frame, driver.net.returned(frame), `frame of ${key}`);
      session.close();
    });
  },
});

export const manyFrames = defineCase({
  id: 'virtio/net/each-frame-arrives-once',
  title: 'many frames sent together arrive each once, whole',
  proves: { 'net/frames-arrive-intact': 'net-frame-duplicated' },
  applies: { start: 'negotiated', devices: ['net'] },
  run(context) {
    const { driver, requirement } = context;
    const { transmit, receive } = netPort(context);
    const check = requirement('net/frames-arrive-intact');
    const count = 24;
    const buffers = Array.from({ length: 2 * count }, () => driver.net.receiveBuffer(512));
    receive.makeAvailable(buffers.map(({ request }) => request.segments));
    receive.kick();
    const frames = Array.from({ length: count }, (_, n) => driver.net.frame(60 + 16 * n, n));
    transmit.makeAvailable(frames.map((frame) => driver.net.transmitFrame(frame).segments));
    transmit.kickAndWaitForUsed(count);
    const used = receive.waitForUsed(count);
    const texts = used.map(({ len }, n) =>
      (buffers[n]?.load() ?? new Uint8Array(0)).subarray(driver.net.headerSize, len).join(),
    );
    const wanted = frames.map((frame) => driver.net.returned(frame).join());
    const arrived = wanted.filter((text) => texts.filter((other) => other === text).length === 1).length;
    check.equal(
      arrived,
      count,
      `of ${count} frames those that arrived once, whole, in the first ${count} buffers used`,
    );
  },
});

export const header = defineCase({
  id: 'virtio/net/received-header-precedes-packet',
  title: 'the packet lies behind a header of 12 bytes, and the used len counts both',
  proves: { 'net/rx-header-precedes-packet': 'net-receive-header-of-10-bytes' },
  applies: { start: 'negotiated', devices: ['net'], negotiate: ['VIRTIO_F_VERSION_1'] },
  variants: { bytes: [60, 1514] },
  run(context) {
    const { driver, variant, requirement } = context;
    const { transmit, receive } = netPort(context);
    const frame = driver.net.frame(variant.bytes, 5);
    const { len, frame: packet } = driver.net.roundTrip(transmit, receive, frame);
    const check = requirement('net/rx-header-precedes-packet');
    check.equal(len, driver.net.headerSize + frame.length, 'len of the used element');
    check.equal(
      packet.subarray(12, 14).join(),
      frame.subarray(12, 14).join(),
      'the EtherType, 24 bytes into the buffer',
    );
  },
});

export const transmitReturned = defineCase({
  id: 'virtio/net/transmit-buffers-are-returned',
  title: 'every transmit buffer becomes used with len 0, also without a receive buffer',
  proves: { 'net/tx-buffers-returned': 'net-transmit-len-counts-frame' },
  applies: { start: 'negotiated', devices: ['net'] },
  run(context) {
    const { driver, requirement } = context;
    const { transmit } = netPort(context, 32);
    const check = requirement('net/tx-buffers-returned');
    for (let round = 0; round < 4; round++) {
      const requests = Array.from({ length: 16 }, (_, seed) => driver.request({ bytes: 60 + 90 * seed, seed }));
      const heads = transmit.makeAvailable(requests.map(({ segments }) => segments));
      const used = transmit.kickAndWaitForUsed(heads.length);
      const ids = used.map(({ id }) => id);
      check.sameMembers(ids, heads, `buffers used in round ${round}`);
      const written = used.reduce((sum, { len }) => sum + len, 0);
      check.equal(written, 0, `bytes written into transmit buffers in round ${round}`);
    }
  },
});

export const withinMtu = defineCase({
  id: 'virtio/net/packets-within-mtu-are-forwarded-whole',
  title: 'with MTU negotiated, frames up to 1500 bytes of payload are forwarded whole',
  proves: { 'net/packets-within-mtu-forwarded-whole': 'net-frame-cut-short' },
  applies: { start: 'negotiated', devices: ['net'], negotiate: ['VIRTIO_NET_F_MTU'] },
  variants: { bytes: [1000, 1400, 1514] },
  run(context) {
    const { driver, variant, requirement } = context;
    const { transmit, receive } = netPort(context);
    const frame = driver.net.frame(variant.bytes, 6);
    const returned = driver.net.roundTrip(transmit, receive, frame);
    const check = requirement('net/packets-within-mtu-forwarded-whole');
    check.bytesEqual(returned.frame, driver.net.returned(frame), 'frame');
  },
});

export const notLonger = defineCase({
  id: 'virtio/net/received-packets-are-within-mtu',
  title: 'with MTU negotiated, frames of up to 1500 bytes of payload come back no longer than that',
  proves: { 'net/received-packets-within-mtu': 'net-long-frames-padded' },
  applies: { start: 'negotiated', devices: ['net'], negotiate: ['VIRTIO_NET_F_MTU'] },
  run(context) {
    const { driver, requirement } = context;
    const { transmit, receive } = netPort(context);
    const check = requirement('net/received-packets-within-mtu');
    for (const bytes of [60, 1513, longestFrame]) {
      const { len } = driver.net.roundTrip(transmit, receive, driver.net.frame(bytes, bytes));
      check.atMost(len - driver.net.headerSize, longestFrame, `bytes of a packet that was sent with ${bytes}`);
    }
  },
});

export const tagged = defineCase({
  id: 'virtio/net/tagged-packets-are-accepted-without-ctrl-vlan',
  title: 'without CTRL_VLAN, frames with an 802.1Q tag of any VLAN arrive',
  proves: { 'net/tagged-packets-accepted-without-ctrl-vlan': 'net-tagged-frames-dropped' },
  applies: { start: 'negotiated', devices: ['net'], without: ['VIRTIO_NET_F_CTRL_VLAN'] },
  variants: { vlan: [0, 1, 100, 4094] },
  run(context) {
    const { driver, variant, requirement } = context;
    const { transmit, receive } = netPort(context);
    const frame = driver.net.frame(128, 7);
    frame.set([0x81, 0x00, variant.vlan >> 8, variant.vlan & 0xff, 0x88, 0xb5], 12);
    const returned = driver.net.roundTrip(transmit, receive, frame);
    const check = requirement('net/tagged-packets-accepted-without-ctrl-vlan');
    check.bytesEqual(returned.frame, driver.net.returned(frame), `frame of VLAN ${variant.vlan}`);
  },
});

export const servedLater = defineCase({
  id: 'virtio/net/frames-arrive-once-buffers-are-there',
  title: 'frames sent without a receive buffer are kept or dropped, and one sent when there are buffers arrives',
  proves: { 'net/frames-arrive-intact': 'net-frame-byte-inverted' },
  applies: { start: 'negotiated', devices: ['net'] },
  run(context) {
    const { port, driver, requirement } = context;
    const { transmit, receive } = netPort(context);
    const check = requirement('net/frames-arrive-intact');
    const early = Array.from({ length: 8 }, (_, n) => driver.net.frame(100, 50 + n));
    transmit.makeAvailable(early.map((frame) => driver.net.transmitFrame(frame).segments));
    transmit.kick();
    // A device that keeps frames may leave their chains unused until there are buffers.
    port.until(() => transmit.usedCount() === early.length, seenWithinMs(port));
    const buffers = Array.from({ length: early.length + 1 }, () => driver.net.receiveBuffer(256));
    receive.makeAvailable(buffers.map(({ request }) => request.segments));
    receive.kick();
    transmit.waitForUsed(early.length);
    const frame = driver.net.frame(140, 60);
    transmit.makeAvailable([driver.net.transmitFrame(frame).segments]);
    transmit.kickAndWaitForUsed(1);
    const wanted = new Set(early.map((one) => driver.net.returned(one).join()));
    for (const buffer of buffers) {
      const [used] = receive.waitForUsed(1);
      const packet = buffer.load().subarray(driver.net.headerSize, used?.len);
      if (packet.length === 100) {
        if (!check.equal(wanted.delete(packet.join()), true, 'an early frame arrives once, whole')) return;
        continue;
      }
      check.bytesEqual(packet, driver.net.returned(frame), 'the frame sent when there were buffers');
      return;
    }
    check.equal(buffers.length, 0, 'the frame sent when there were buffers did not arrive: buffers left');
  },
});

export const receivedLen = defineCase({
  id: 'virtio/net/received-len-counts-header-and-packet',
  title: 'the used len of a receive buffer counts header and packet',
  proves: { 'split/used-len-counts-written-bytes': 'net-used-len-without-header' },
  applies: { start: 'negotiated', devices: ['net'] },
  variants: { bytes: [60, 1514] },
  run(context) {
    const { driver, variant, requirement } = context;
    const { transmit, receive } = netPort(context);
    const { len } = driver.net.roundTrip(transmit, receive, driver.net.frame(variant.bytes, 8));
    const check = requirement('split/used-len-counts-written-bytes');
    check.equal(len, driver.net.headerSize + variant.bytes, 'len of the used element');
  },
});

export const receivedBytes = defineCase({
  id: 'virtio/net/received-bytes-up-to-used-len-are-written',
  title: 'when a receive chain becomes used, header and packet are in its buffers, in one chain or in several',
  proves: { 'split/used-len-bytes-written': 'net-packet-behind-used-element' },
  applies: { start: 'negotiated', devices: ['net'] },
  variants: { bytes: [60, 1514] },
  run(context) {
    const { driver, port, variant, requirement } = context;
    const { transmit, receive } = netPort(context);
    const check = requirement('split/used-len-bytes-written');
    for (let round = 0; round < 4; round++) {
      const buffer = driver.net.receiveBuffer(2048, { writableCuts: [500, 500] });
      receive.makeAvailable([buffer.request.segments]);
      receive.kick();
      const frame = driver.net.frame(variant.bytes, round);
      const before = receive.usedCount();
      transmit.makeAvailable([driver.net.transmitFrame(frame).segments]);
      transmit.kick();
      // Looks at once and often, before it leaves the processor for the call.
      for (let n = 0; n < 2000 && receive.usedCount() === before; n++);
      if (receive.usedCount() === before) port.until(() => receive.usedCount() !== before, port.deadlineMs);
      const packet = buffer.load().subarray(driver.net.headerSize, driver.net.headerSize + frame.length);
      const [used] = receive.waitForUsed(1);
      const told = Math.max(0, (used?.len ?? 0) - driver.net.headerSize);
      const expected = driver.net.returned(frame).subarray(0, told);
      check.bytesEqual(packet.subarray(0, told), expected, `the packet in round ${round}, as far as len counts it`);
      transmit.waitForUsed(1);
    }
  },
});
