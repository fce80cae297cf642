import type { Region } from '../memory/region.ts';
import type { Segment } from '../virtqueue/segment.ts';

/** Bytes that are kept of each end of what was written. */
const KEPT = 64;

interface Shown {
  readonly chain: readonly Segment[];
  readonly len: number;
  readonly bytes: Uint8Array;
}

/**
 * What the first `len` bytes of the writable part of a chain held when its used element became visible: the device
 * must have written them by then. Both ends of them are kept.
 */
export class ShownBytes {
  readonly #regions: () => readonly Region[];
  readonly #shown = new Map<number, Shown>();

  constructor(regions: () => readonly Region[]) {
    this.#regions = regions;
  }

  shown(id: number, len: number, chain: readonly Segment[] | undefined): void {
    if (chain === undefined || len === 0) return;
    this.#shown.set(id, { chain, len, bytes: this.#endsOf(chain, len) });
  }

  /** Whether they changed until the driver takes the element, though no other of these chains shares their memory. */
  isChanged(id: number, chains: readonly (readonly Segment[] | undefined)[]): boolean {
    const shown = this.#shown.get(id);
    this.#shown.delete(id);
    if (shown === undefined) return false;
    const now = this.#endsOf(shown.chain, shown.len);
    if (shown.bytes.every((byte, at) => byte === now[at])) return false;
    return !chains.some((chain, other) => chain !== undefined && other !== id && overlaps(chain, shown.chain));
  }

  #endsOf(chain: readonly Segment[], len: number): Uint8Array {
    const kept = new Uint8Array(Math.min(len, 2 * KEPT));
    const tail = len - Math.min(KEPT, len);
    let at = 0;
    for (const { writable, guestAddress, length } of chain) {
      if (!writable) continue;
      for (const { guestAddress: start, size, bytes } of this.#regions()) {
        const offset = Number(guestAddress - start);
        if (offset < 0 || offset >= size) continue;
        for (let n = 0; n < length && n < size - offset && at + n < len; n++) {
          const place = at + n;
          if (place < KEPT) kept[place] = bytes[offset + n] as number;
          else if (place >= tail) kept[kept.length - (len - place)] = bytes[offset + n] as number;
          else n = Math.max(n, Math.min(tail - at, length) - 1);
        }
        break;
      }
      at += length;
      if (at >= len) break;
    }
    return kept;
  }
}

function overlaps(one: readonly Segment[], other: readonly Segment[]): boolean {
  return one.some(({ guestAddress: from, length }) =>
    other.some((span) => from < span.guestAddress + BigInt(span.length) && span.guestAddress < from + BigInt(length)),
  );
}
