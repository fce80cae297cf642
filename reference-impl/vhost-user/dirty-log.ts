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
  /** Whether marks go through an atomic operation. */
  readonly isAtomic: boolean;
  readonly signals: boolean;
  /** Whether VHOST_F_LOG_ALL switches the log. */
  readonly isOn: (logAllAcknowledged: boolean) => boolean;
  readonly mapping: (size: bigint, offset: bigint) => { readonly size: bigint; readonly offset: bigint };
  readonly acceptsPage: (byte: bigint, logBytes: number) => boolean;
}

export const logRules: LogRules = {
  pageSize: 4096n,
  bitOf: (page) => Number(page & 7n),
  marksBuffers: true,
  marksUsedRing: (isLoggedRing) => isLoggedRing,
  usedRingStart: (logAddress) => logAddress,
  isAtomic: true,
  signals: true,
  isOn: (logAllAcknowledged) => logAllAcknowledged,
  mapping: (size, offset) => ({ size, offset }),
  acceptsPage: (byte, logBytes) => byte < BigInt(logBytes),
};

/** A log of dirty pages that a front-end gave: one bit a page, least significant first. */
export class DirtyLog {
  readonly #memory: SharedMemory;
  readonly #rules: LogRules;
  #changed = false;

  constructor(memory: SharedMemory, rules: LogRules) {
    this.#memory = memory;
    this.#rules = rules;
  }

  /** Marks every page of the range; what lies past the log is left out. */
  mark(address: bigint, length: number): void {
    if (length === 0) return;
    const { pageSize, bitOf, acceptsPage, isAtomic } = this.#rules;
    const { bytes } = this.#memory;
    const last = (address + BigInt(length) - 1n) / pageSize;
    for (let page = address / pageSize; page <= last; page++) {
      const byte = page >> 3n;
      if (!acceptsPage(byte, bytes.length)) break;
      const mask = 1 << bitOf(page);
      const at = Number(byte);
      if (isAtomic) Atomics.or(bytes, at, mask);
      else bytes[at] = (bytes[at] ?? 0) | mask;
      this.#changed = true;
    }
  }

  /** Whether marks were made since this was last asked. */
  takeChanged(): boolean {
    const changed = this.#changed;
    this.#changed = false;
    return changed;
  }

  release(): void {
    this.#memory.unmap();
  }
}
