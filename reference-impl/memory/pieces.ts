import type { MappedRegion } from './mapped-region.ts';

/** A run of bytes as the device side reaches it: `length` bytes of `bytes` from `offset` on. */
export interface Piece {
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly length: number;
  /** The region that `bytes` is of: `offset` counts from its first byte. */
  readonly region: MappedRegion;
}

/** The guest-physical address of the first byte. */
export const guestAddressOf = ({ region, offset }: Piece): bigint => region.guestAddress + BigInt(offset);

/** Below this many bytes a loop beats making views. */
const SHORT = 32;

export function totalLength(pieces: readonly Piece[]): number {
  let total = 0;
  for (const piece of pieces) total += piece.length;
  return total;
}

/** Reads from byte `start` of the pieces on until `target` is full or the pieces end. Answers the bytes read. */
export function readPieces(pieces: readonly Piece[], start: number, target: Uint8Array): number {
  let skip = start;
  let done = 0;
  for (const { bytes, offset, length } of pieces) {
    if (done === target.length) break;
    if (skip >= length) {
      skip -= length;
      continue;
    }
    const count = Math.min(length - skip, target.length - done);
    const from = offset + skip;
    if (count < SHORT) for (let n = 0; n < count; n++) target[done + n] = bytes[from + n] as number;
    else target.set(bytes.subarray(from, from + count), done);
    done += count;
    skip = 0;
  }
  return done;
}

/** Writes `source` from byte `start` of the pieces on, as far as they reach. Answers the bytes written. */
export function writePieces(pieces: readonly Piece[], start: number, source: Uint8Array): number {
  let skip = start;
  let done = 0;
  for (const { bytes, offset, length } of pieces) {
    if (done === source.length) break;
    if (skip >= length) {
      skip -= length;
      continue;
    }
    const count = Math.min(length - skip, source.length - done);
    const to = offset + skip;
    if (count < SHORT) for (let n = 0; n < count; n++) bytes[to + n] = source[done + n] as number;
    else bytes.set(done === 0 && count === source.length ? source : source.subarray(done, done + count), to);
    done += count;
    skip = 0;
  }
  return done;
}

/** Sets the bytes from byte `start` on. */
export function fillPieces(pieces: readonly Piece[], start: number, value: number): void {
  for (const piece of slicePieces(pieces, start)) {
    piece.bytes.fill(value, piece.offset, piece.offset + piece.length);
  }
}

/** All bytes of the pieces, or those from `start` on, `length` of them at most; a copy. */
export function gather(pieces: readonly Piece[], start = 0, length = totalLength(pieces) - start): Uint8Array {
  const copy = new Uint8Array(Math.max(0, Math.min(length, totalLength(pieces) - start)));
  readPieces(pieces, start, copy);
  return copy;
}

/** The part of the pieces from byte `start` on, `length` bytes at most, over the same memory. */
export function slicePieces(pieces: readonly Piece[], start: number, length = Number.POSITIVE_INFINITY): Piece[] {
  const part: Piece[] = [];
  let skip = start;
  let left = length;
  for (const piece of pieces) {
    if (left <= 0) break;
    if (skip >= piece.length) {
      skip -= piece.length;
      continue;
    }
    const count = Math.min(piece.length - skip, left);
    part.push({ bytes: piece.bytes, offset: piece.offset + skip, length: count, region: piece.region });
    left -= count;
    skip = 0;
  }
  return part;
}
