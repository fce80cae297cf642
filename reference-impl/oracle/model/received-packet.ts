import { VIRTIO_NET_F_GUEST_CSUM } from '../../devices/net-layout.ts';
import type { Tell } from './observation.ts';

/** GUEST_TSO4, GUEST_TSO6, GUEST_ECN, GUEST_UFO, GUEST_USO4, GUEST_USO6. */
const guestSegments = (1n << 7n) | (1n << 8n) | (1n << 9n) | (1n << 10n) | (1n << 54n) | (1n << 55n);

/** Flags and gso_type of a received packet (virtio 5.1.6.4.1). */
export function checkReceivedHeader(tell: Tell, bytes: Uint8Array, features: bigint): void {
  const [flags, gsoType] = [bytes[0] as number, bytes[1] as number];
  if ((features & VIRTIO_NET_F_GUEST_CSUM) === 0n && flags !== 0) {
    const what = 'flags of a received packet';
    tell({ requirement: 'net/rx-flags-zero-without-guest-csum', what, expected: '0', actual: String(flags) });
  }
  if ((features & guestSegments) === 0n && gsoType !== 0) {
    const what = 'gso_type of a received packet';
    tell({ requirement: 'net/rx-gso-none-without-features', what, expected: '0', actual: String(gsoType) });
  }
}

/** The 16 bits at an offset. */
export const littleEndian = (bytes: Uint8Array, at: number): number =>
  (bytes[at] as number) | ((bytes[at + 1] as number) << 8);

/** The bytes of several buffers one after another. */
export function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

const macSize = 6;

/** A frame whose two MAC addresses changed places. */
export function withSwappedMacs(frame: Uint8Array): Uint8Array {
  const swapped = frame.slice();
  swapped.set(frame.subarray(macSize, 2 * macSize));
  swapped.set(frame.subarray(0, macSize), macSize);
  return swapped;
}
