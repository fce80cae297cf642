import { VIRTIO_NET_F_CSUM, VIRTIO_NET_F_GUEST_CSUM } from '../../devices/net-layout.ts';

/** Virtio 5.1.6: NEEDS_CSUM, DATA_VALID, RSC_INFO. */
const definedFlags = 7;
const needsCsum = 1;
const gsoTypeAt = 1;
const gsoSizeAt = 4;
const csumStartAt = 6;
const csumOffsetAt = 8;

const fieldAt = (bytes: Uint8Array, at: number): number => (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);

/**
 * What goes out for a packet with its header; undefined where the header asks for what is not followed. num_buffers is not
 * used on transmission, flags without a meaning are ignored, a wrong hdr_len is harmless, and without NEEDS_CSUM the
 * offsets of checksums are not used (virtio 5.1.6.2).
 */
export function sentOut(packet: Uint8Array, headerSize: number, features: bigint): Uint8Array | undefined {
  const frame = packet.subarray(headerSize);
  const flags = (packet[0] ?? 0) & definedFlags;
  if (packet[gsoTypeAt] !== 0 || fieldAt(packet, gsoSizeAt) !== 0) return undefined;
  // Fields of hashes are no part of what a driver fills.
  if (flags === 0) return frame;
  // With GUEST_CSUM, a frame may come with its checksum left open.
  const checksums = features & (VIRTIO_NET_F_CSUM | VIRTIO_NET_F_GUEST_CSUM);
  const isCompleted = flags === needsCsum && checksums === VIRTIO_NET_F_CSUM;
  return isCompleted ? completed(frame, fieldAt(packet, csumStartAt), fieldAt(packet, csumOffsetAt)) : undefined;
}

const typeAt = 12;
const ipv4 = 0x0800;
const protocolAt = 23;
/** Where a datagram begins behind a header of IPv4 without options, and its checksum in it. */
const udp = { protocol: 17, start: 34, offset: 6 } as const;

/** A datagram whose checksum is 0 goes out with the other form of it (RFC 768); of other protocols either form may. */
function completed(frame: Uint8Array, start: number, offset: number): Uint8Array | undefined {
  const at = start + offset;
  if (at + 2 > frame.length) return undefined;
  let sum = 0;
  for (let n = start; n < frame.length; n += 2) sum += ((frame[n] as number) << 8) | (frame[n + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x1_0000);
  const checksum = 0xffff - sum;
  const isDatagram =
    (((frame[typeAt] as number) << 8) | (frame[typeAt + 1] as number)) === ipv4 &&
    frame[protocolAt] === udp.protocol &&
    start === udp.start &&
    offset === udp.offset;
  if (checksum === 0 && !isDatagram) return undefined;
  const whole = frame.slice();
  new DataView(whole.buffer).setUint16(at, checksum === 0 ? 0xffff : checksum);
  return whole;
}
