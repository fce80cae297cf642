/** Checksums that a driver leaves to the device (virtio 5.1.6.2, VIRTIO_NET_F_CSUM). */

const NEEDS_CSUM = 1;
const CSUM_START = 6;
const CSUM_OFFSET = 8;

const fieldAt = (header: Uint8Array, at: number): number => (header[at] ?? 0) | ((header[at + 1] ?? 0) << 8);

/**
 * The frame with its checksum completed where the header asks for that. The field holds the sum of the pseudo header
 * before. A checksum that would lie behind the frame is left out.
 */
export function withChecksum(header: Uint8Array, frame: Uint8Array): Uint8Array {
  if (((header[0] ?? 0) & NEEDS_CSUM) === 0) return frame;
  const start = fieldAt(header, CSUM_START);
  const at = start + fieldAt(header, CSUM_OFFSET);
  const sum = onesComplement(frame, start);
  const completed = frame.slice();
  completed[at] = sum >> 8;
  completed[at + 1] = sum & 0xff;
  return completed;
}

/** The ones' complement of the sum of the 16-bit words from `start` on, most significant byte first. */
function onesComplement(bytes: Uint8Array, start: number): number {
  let sum = 0;
  for (let at = start; at < bytes.length; at += 2) {
    sum += ((bytes[at] as number) << 8) | (bytes[at + 1] ?? 0);
    if (sum > 0xffff) sum = (sum & 0xffff) + 1;
  }
  // 0 would say that there is no checksum (RFC 768); both stand for the same sum.
  return ~sum & 0xffff || 0xffff;
}
