import { DriverUsageError } from '../errors.ts';
import {
  type Addresses,
  addressesAt,
  type GuestAddress,
  type IoVirtualAddress,
  type UserAddress,
} from './addresses.ts';
import type { Region } from './region.ts';

/** A run of bytes of a Guest, with its three addresses. It may cross from a region into the adjacent one. */
export class Span implements Addresses {
  /** Region of the first byte, and where in it that byte lies. */
  readonly region: Region;
  readonly offset: number;
  readonly length: number;
  readonly guestAddress: GuestAddress;
  readonly userAddress: UserAddress;
  readonly ioVirtualAddress: IoVirtualAddress;
  /** Views of the bytes in order: one, or one for each region that the span touches. */
  readonly pieces: readonly Uint8Array[];

  /** `following` are the regions adjacent to `region`, in order, as far as the span needs them. */
  constructor(region: Region, offset: number, length: number, following: readonly Region[] = []) {
    const at = addressesAt(region, offset);
    this.region = region;
    this.offset = offset;
    this.length = length;
    this.guestAddress = at.guestAddress;
    this.userAddress = at.userAddress;
    this.ioVirtualAddress = at.ioVirtualAddress;
    const pieces = [region.bytes.subarray(offset, Math.min(offset + length, region.size))];
    let missing = offset + length - region.size;
    for (const next of following) {
      if (missing <= 0) break;
      pieces.push(next.bytes.subarray(0, Math.min(missing, next.size)));
      missing -= next.size;
    }
    if (missing > 0) throw new DriverUsageError(`span of ${length} bytes at ${offset} leaves region ${region.index}`);
    this.pieces = pieces;
  }

  /**
   * The bytes as one view, which no journal of writes covers. Throws DriverUsageError where the span crosses regions:
   * use `load` and `store` there.
   */
  get bytes(): Uint8Array {
    this.region.journal?.viewed(this.region.index, this.offset, this.length);
    return this.view;
  }

  /** As `bytes`, for a caller that writes nothing through it, or tells of it by `wroteThroughView`. */
  get view(): Uint8Array {
    const [first, second] = this.pieces;
    if (first === undefined || second !== undefined)
      throw new DriverUsageError('a span over two regions has no one view');
    return first;
  }

  /** A copy of all bytes. */
  load(): Uint8Array {
    const copy = new Uint8Array(this.length);
    let at = 0;
    for (const piece of this.pieces) {
      copy.set(piece, at);
      at += piece.length;
    }
    return copy;
  }

  /** Writes `data` from `at` on. Throws DriverUsageError where it does not fit. */
  store(data: Uint8Array, at = 0): void {
    if (at < 0 || at + data.length > this.length)
      throw new DriverUsageError(`${data.length} bytes at ${at} leave the span`);
    let start = 0;
    for (const piece of this.pieces) {
      const from = Math.max(at, start);
      const to = Math.min(at + data.length, start + piece.length);
      if (from < to) piece.set(data.subarray(from - at, to - at), from - start);
      start += piece.length;
    }
    this.#journalled(at, data.length);
  }

  fill(value: number): void {
    for (const piece of this.pieces) piece.fill(value);
    this.#journalled(0, this.length);
  }

  /** All bytes are as the driver wrote them, through `view`. */
  wroteThroughView(): void {
    this.#journalled(0, this.length);
  }

  #journalled(at: number, length: number): void {
    if (this.region.journal === undefined) return;
    let region: Region | undefined = this.region;
    let from = this.offset + at;
    for (let left = length; left > 0 && region !== undefined; region = region.adjacent) {
      const here = Math.max(0, Math.min(left, region.size - from));
      if (here > 0) region.journal?.wrote(region.index, from, here);
      left -= here;
      from = Math.max(0, from - region.size);
    }
  }

  /** A part of the span, over the same memory. */
  slice(start: number, length = this.length - start): Span {
    if (start < 0 || length < 0 || start + length > this.length) throw new DriverUsageError('slice leaves the span');
    let region = this.region;
    let offset = this.offset + start;
    while (offset >= region.size && region.adjacent !== undefined) {
      offset -= region.size;
      region = region.adjacent;
    }
    return new Span(region, offset, length, regionsAfter(region));
  }
}

/** The regions that follow one without a gap, in order. */
export function regionsAfter(region: Region): Region[] {
  const following: Region[] = [];
  for (let next = region.adjacent; next !== undefined; next = next.adjacent) following.push(next);
  return following;
}
