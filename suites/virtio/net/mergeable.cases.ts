import type { ReceiveBuffer } from '../../../drivers/devices/net-frames.ts';
import { defineCase } from '../../case.ts';
import { decodeNetHeader, netPort } from './net-port.ts';

/** One packet in several receive buffers, and where that may not be (virtio 5.1.6.3, 5.1.6.4). */

type Context = Parameters<typeof netPort>[0];
const negotiate = ['VIRTIO_NET_F_MRG_RXBUF'] as const;
const frameBytes = 600;
/** Of receive buffers that do not hold such a frame. */
const smallBuffer = 200;

interface Spread {
  readonly buffers: readonly ReceiveBuffer[];
  readonly numBuffers: number;
  /** Lengths of the used elements, as many as num_buffers says. */
  readonly lengths: readonly number[];
  readonly frame: Uint8Array;
  readonly packet: Uint8Array;
}

/** Sends one frame to a receive ring whose buffers are too small for it. */
function spread(context: Context, bufferBytes: number): Spread {
  const { driver } = context;
  const { transmit, receive } = netPort(context);
  const most = Math.ceil((driver.net.headerSize + frameBytes) / bufferBytes);
  const buffers = Array.from({ length: most + 4 }, () => driver.net.receiveBuffer(bufferBytes));
  receive.makeAvailable(buffers.map(({ request }) => request.segments));
  receive.kick();
  const frame = driver.net.frame(frameBytes, bufferBytes);
  transmit.makeAvailable([driver.net.transmitFrame(frame).segments]);
  transmit.kick();
  const [first] = receive.waitForUsed(1);
  const { numBuffers } = decodeNetHeader(buffers[0]?.load() ?? new Uint8Array(driver.net.headerSize));
  const rest = receive.waitForUsed(Math.min(numBuffers, most) - 1);
  const lengths = [first?.len ?? 0, ...rest.map(({ len }) => len)];
  const parts = lengths.flatMap((length, n) => [...(buffers[n]?.load().subarray(0, length) ?? [])]);
  return { buffers, numBuffers, lengths, frame, packet: Uint8Array.from(parts).subarray(driver.net.headerSize) };
}

export const numBuffers = defineCase({
  id: 'virtio/net/num-buffers-counts-buffers',
  title: 'with MRG_RXBUF num_buffers is the number of buffers that the packet lies in, and they hold all of it',
  proves: { 'net/num-buffers-counts-buffers': 'net-num-buffers-always-one' },
  applies: { start: 'negotiated', devices: ['net'], negotiate },
  variants: { bufferBytes: [128, 200, 300, 2048] },
  run(context) {
    const { numBuffers: told, packet, frame } = spread(context, context.variant.bufferBytes);
    const check = context.requirement('net/num-buffers-counts-buffers');
    const expected = Math.ceil((context.driver.net.headerSize + frameBytes) / context.variant.bufferBytes);
    check.equal(told, expected, `num_buffers of ${frameBytes} bytes in buffers of ${context.variant.bufferBytes}`);
    check.bytesEqual(packet, context.driver.net.returned(frame), 'what those buffers hold');
  },
});

export const filled = defineCase({
  id: 'virtio/net/all-but-the-last-buffer-are-filled',
  title: 'each buffer of a packet but the last is filled to its end',
  proves: { 'net/all-but-last-buffer-filled': 'net-merged-buffers-half-filled' },
  applies: { start: 'negotiated', devices: ['net'], negotiate },
  variants: { bufferBytes: [128, 256] },
  run(context) {
    const { lengths } = spread(context, context.variant.bufferBytes);
    const check = context.requirement('net/all-but-last-buffer-filled');
    check.atLeast(lengths.length, 2, 'buffers of the packet');
    const full = lengths.slice(0, -1).map(() => context.variant.bufferBytes);
    check.sameSequence(lengths.slice(0, -1), full, 'lengths of all buffers but the last');
  },
});

export const usedTogether = defineCase({
  id: 'virtio/net/buffers-of-a-packet-are-used-together',
  title: 'a device never shows as used a part of the buffers of one packet',
  proves: {
    'net/packet-buffers-used-together': ['net-merged-buffers-used-in-two-steps', 'packet-buffers-shown-one-by-one'],
  },
  applies: { start: 'negotiated', devices: ['net'], negotiate },
  run(context) {
    const { port, driver, requirement } = context;
    const { transmit, receive } = netPort(context);
    const check = requirement('net/packet-buffers-used-together');
    for (let round = 0; round < 6; round++) {
      const buffers = Array.from({ length: 5 }, () => driver.net.receiveBuffer(128));
      receive.makeAvailable(buffers.map(({ request }) => request.segments));
      receive.kick();
      const before = receive.usedCount();
      transmit.makeAvailable([driver.net.transmitFrame(driver.net.frame(frameBytes, round)).segments]);
      transmit.kick();
      // Looks at once and often, before it leaves the processor for the call.
      for (let n = 0; n < 2000 && receive.usedCount() === before; n++);
      let moved = receive.usedCount() - before;
      if (moved === 0) {
        port.until(() => receive.usedCount() !== before, port.deadlineMs);
        moved = receive.usedCount() - before;
      }
      if (!check.equal(moved, 5, `in round ${round}, buffers used where the first of them is`)) return;
      receive.waitForUsed(5);
      transmit.waitForUsed(1);
    }
  },
});

export const oneChain = defineCase({
  id: 'virtio/net/one-chain-holds-a-packet-without-mergeable',
  title: 'without MRG_RXBUF a packet that is too long for each buffer is not spread over several',
  proves: { 'net/one-chain-holds-packet-without-mergeable': 'net-merges-without-feature' },
  applies: { start: 'negotiated', devices: ['net'], without: negotiate },
  run(context) {
    const { port, driver, requirement } = context;
    const { transmit, receive } = netPort(context);
    const check = requirement('net/one-chain-holds-packet-without-mergeable');
    const buffers = Array.from({ length: 8 }, () => driver.net.receiveBuffer(smallBuffer));
    receive.makeAvailable(buffers.map(({ request }) => request.segments));
    receive.kick();
    const send = (bytes: number): Uint8Array => {
      const frame = driver.net.frame(bytes, bytes);
      transmit.makeAvailable([driver.net.transmitFrame(frame).segments]);
      transmit.kickAndWaitForUsed(1);
      return frame;
    };
    send(frameBytes);
    // Short ones until one comes back: behind it, the long one was dealt with. A device may drop what came together.
    let short = send(64);
    for (let n = 0; n < 10 && !port.until(() => receive.usedCount() !== 0, 50).startsWith('true'); n++)
      short = send(64);
    const shortLength = driver.net.headerSize + short.length;
    let [used] = receive.waitForUsed(1);
    // Buffers as small as these are of a driver that takes less than the text advises: what is left out is lost.
    const outcome = used?.len === smallBuffer ? 'cut to one buffer' : 'dropped';
    check.oneOf(outcome, ['dropped', 'cut to one buffer'], 'what became of the long packet');
    if (outcome === 'cut to one buffer') [used] = receive.waitForUsed(1);
    check.equal(used?.len, shortLength, 'len of the receive buffer with the short packet');
    const buffer = buffers[outcome === 'dropped' ? 0 : 1];
    const packet = buffer?.load().subarray(driver.net.headerSize, shortLength) ?? new Uint8Array(0);
    check.bytesEqual(packet, driver.net.returned(short), 'the packet in it');
  },
});
