import { defineCase } from '../../case.ts';
import type { Check } from '../../check.ts';
import { internetFrame, withWrongChecksum } from './internet-frame.ts';
import { decodeNetHeader, encodeNetHeader, type NetHeader, netPort, VIRTIO_NET_HDR_F_DATA_VALID } from './net-port.ts';

/** Fields of the header of a transmitted packet that a device must not heed (virtio 5.1.6.2.2). */

type Context = Parameters<typeof netPort>[0];

/** Sends a frame with each header; it must come back as it was. */
function arrivesWith(context: Context, check: Check, headers: readonly Partial<NetHeader>[]): void {
  const { driver } = context;
  const { transmit, receive } = netPort(context);
  for (const [n, fields] of headers.entries()) {
    const frame = driver.net.frame(200 + n, n);
    const returned = driver.net.roundTrip(transmit, receive, frame, {}, encodeNetHeader(fields));
    const shown = Object.entries(fields).map(([name, value]) => `${name} ${value}`);
    check.bytesEqual(returned.frame, driver.net.returned(frame), `frame sent with ${shown.join(', ')}`);
  }
}

export const unknownFlags = defineCase({
  id: 'virtio/net/transmit-unknown-flags-are-ignored',
  title: 'flags without a meaning in the header of a transmitted packet change nothing',
  proves: { 'net/tx-unknown-flags-ignored': 'net-transmit-with-unknown-flags-dropped' },
  applies: { start: 'negotiated', devices: ['net'] },
  run(context) {
    const flags = [0x08, 0x10, 0x20, 0x40, 0x80, 0xf8];
    arrivesWith(
      context,
      context.requirement('net/tx-unknown-flags-ignored'),
      flags.map((one) => ({ flags: one })),
    );
  },
});

export const checksumOffsets = defineCase({
  id: 'virtio/net/transmit-checksum-offsets-are-unused-without-needs-csum',
  title: 'csum_start and csum_offset without NEEDS_CSUM change nothing, wherever they point',
  proves: { 'net/tx-checksum-offsets-unused-without-needs-csum': 'net-checksum-without-needs-csum' },
  applies: { start: 'negotiated', devices: ['net'] },
  run(context) {
    arrivesWith(context, context.requirement('net/tx-checksum-offsets-unused-without-needs-csum'), [
      { csumStart: 34, csumOffset: 16 },
      { csumStart: 14, csumOffset: 10 },
      { csumStart: 0xffff, csumOffset: 0xffff },
      { csumStart: 0, csumOffset: 0 },
    ]);
  },
});

export const headerLength = defineCase({
  id: 'virtio/net/transmit-wrong-hdr-len-is-harmless',
  title: 'an hdr_len that is not the length of the headers changes nothing',
  proves: { 'net/tx-wrong-hdr-len-harmless': 'net-frame-cut-at-hdr-len' },
  applies: { start: 'negotiated', devices: ['net'] },
  run(context) {
    const lengths = [1, 14, 54, 100, 0xffff];
    arrivesWith(
      context,
      context.requirement('net/tx-wrong-hdr-len-harmless'),
      lengths.map((hdrLen) => ({ hdrLen })),
    );
  },
});

export const wrongChecksum = defineCase({
  id: 'virtio/net/transmit-checksum-without-needs-csum-is-not-trusted',
  title:
    'a frame with a wrong checksum, sent without NEEDS_CSUM, does not come back as one whose checksum was verified',
  proves: { 'net/device-does-not-trust-checksum': 'net-wrong-checksum-said-valid' },
  applies: { start: 'negotiated', devices: ['net'] },
  run(context) {
    const { driver, requirement } = context;
    const { net } = driver;
    const { transmit, receive } = netPort(context);
    const check = requirement('net/device-does-not-trust-checksum');
    const plain = net.frame(80, 1);
    for (const kind of ['tcp4', 'udp4', 'tcp6', 'udp6'] as const) {
      const wrong = withWrongChecksum(internetFrame(kind, 600));
      const buffers = [net.receiveBuffer(), net.receiveBuffer()] as const;
      receive.makeAvailable(buffers.map(({ request }) => request.segments));
      receive.kick();
      // The plain frame behind it shows a device that drops what it finds wrong, as it may.
      transmit.makeAvailable([wrong, plain].map((frame) => net.transmitFrame(frame).segments));
      transmit.kick();
      const [first] = receive.waitForUsed(1);
      transmit.waitForUsed(2);
      const bytes = buffers[0].load();
      const isDropped = (first?.len ?? 0) < net.headerSize + wrong.length;
      const isValid = (decodeNetHeader(bytes).flags & VIRTIO_NET_HDR_F_DATA_VALID) !== 0;
      const outcome = isDropped ? 'dropped' : isValid ? 'said to be valid' : 'delivered as it is';
      check.oneOf(outcome, ['delivered as it is', 'dropped'], `a frame of ${kind} with a wrong checksum`);
      if (isDropped) return;
      receive.waitForUsed(1);
    }
  },
});
