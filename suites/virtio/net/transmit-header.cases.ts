import { defineCase } from '../../case.ts';
import type { Check } from '../../check.ts';
import { encodeNetHeader, type NetHeader, netPort } from './net-port.ts';

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
