import type { Region } from '../memory/region.ts';

const PAGE = 4096;

/** Bytes of a region as its driver left them: zero until it wrote. Buffers are kept, zeroed, for the next shadow. */
export class MemoryShadow {
  static readonly #spare = new Map<number, Uint8Array[]>();
  readonly region: Region;
  readonly bytes: Uint8Array;
  readonly #touched: Uint8Array;

  constructor(region: Region) {
    this.region = region;
    this.bytes = MemoryShadow.#spare.get(region.size)?.pop() ?? new Uint8Array(region.size);
    this.#touched = new Uint8Array(Math.ceil(region.size / PAGE));
  }

  /** What memory holds there was written by the driver. */
  take(offset: number, length: number): void {
    const { bytes } = this.region;
    const end = offset + length;
    if (length <= 64) for (let at = offset; at < end; at++) this.bytes[at] = bytes[at] as number;
    else this.bytes.set(bytes.subarray(offset, end), offset);
    const last = (end - 1) >>> 12;
    for (let page = offset >>> 12; page <= last; page++) this.#touched[page] = 1;
  }

  /** Gives the buffer back; the shadow is of no use any more. */
  release(): void {
    for (let page = 0; page < this.#touched.length; page++) {
      if (this.#touched[page] !== 0) this.bytes.fill(0, page * PAGE, (page + 1) * PAGE);
    }
    const spare = MemoryShadow.#spare.get(this.bytes.length) ?? [];
    MemoryShadow.#spare.set(this.bytes.length, spare);
    spare.push(this.bytes);
  }
}
