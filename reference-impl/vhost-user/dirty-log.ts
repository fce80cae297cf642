import type { SharedMemory } from './back-end-edge.ts';

/** How writes to guest memory are recorded for migration (Migration). */
export interface LogRules {
  /** Bytes of memory that one bit stands for. */
  readonly pageSize: bigint;
  /** Place of the bit of a page in its byte. */
  readonly bitOf: (page: bigint) => number;
  readonly marksBuffers: boolean;
  readonly marksUsedRing: (isLoggedRing: boolean) => boolean;
  /** Where the marks of a ring's used ring begin, given log_guest_addr and the ring's own address. */
  readonly usedRingStart: (logAddress: bigint, usedAddress: bigint) => bigint;
  /** The byte of a used ring that is marked for one that was written. */
  readonly usedRingByte: (offset: number) => number;
  /** The pages that are marked of those that were written. */
  readonly pagesMarked: (pages: readonly bigint[]) => readonly bigint[];
  /** Sets a mark in a byte of the log: atomically, as others do it at the same time. */
  readonly set: (bytes: Uint8Array, at: number, mask: number) => void;
  /** Whether VHOST_F_LOG_ALL switches the log. */
  readonly isOn: (logAllAcknowledged: boolean) => boolean;
  readonly mapping: (size: bigint, offset: bigint) => { readonly size: bigint; readonly offset: bigint };
  /** The byte of the log in which a mark goes; undefined where the log is too short for it. */
  readonly byteOf: (byte: bigint, logBytes: number) => number | undefined;
}

export const logRules: LogRules = {
  pageSize: 4096n,
  bitOf: (page) => Number(page & 7n),
  marksBuffers: true,
  marksUsedRing: (isLoggedRing) => isLoggedRing,
  usedRingStart: (logAddress) => logAddress,
  usedRingByte: (offset) => offset,
  pagesMarked: (pages) => pages,
  set: (bytes, at, mask) => {
    Atomics.or(bytes, at, mask);
  },
  isOn: (logAllAcknowledged) => logAllAcknowledged,
  mapping: (size, offset) => ({ size, offset }),
  byteOf: (byte, logBytes) => (byte < BigInt(logBytes) ? Number(byte) : undefined),
};

/** A log of dirty pages that a front-end gave: one bit a page, least significant first. */
export class DirtyLog {
  readonly #memory: SharedMemory;
  readonly #rules: LogRules;

  constructor(memory: SharedMemory, rules: LogRules) {
    this.#memory = memory;
    this.#rules = rules;
  }

  /** Marks every page of the range; what lies past the log is left out. */
  mark(address: bigint, length: number): void {
    if (length === 0) return;
    const { pageSize, bitOf, byteOf, set, pagesMarked } = this.#rules;
    const { bytes } = this.#memory;
    const last = (address + BigInt(length) - 1n) / pageSize;
    const pages: bigint[] = [];
    for (let page = address / pageSize; page <= last; page++) pages.push(page);
    for (const page of pagesMarked(pages)) {
      const at = byteOf(page >> 3n, bytes.length);
      if (at !== undefined) set(bytes, at, 1 << bitOf(page));
    }
  }

  release(): void {
    this.#memory.unmap();
  }
}
