import type { Tell } from './observation.ts';

/** vhost-user, "Migration": a bit of the log stands for so many bytes, the least significant bit of a byte first. */
const pageBytes = 4096n;
const bitsOfByte = 8n;

/** The log of dirty pages of one session: each page of a buffer that was written is marked. More may be. */
export class LogModel {
  readonly #tell: Tell;
  /** Pages that the log has room for. */
  readonly #pages: bigint;
  readonly #written = new Set<bigint>();

  constructor(tell: Tell, bytes: number) {
    this.#tell = tell;
    this.#pages = BigInt(bytes) * bitsOfByte;
  }

  wrote(guestAddress: bigint, length: number): void {
    if (length === 0) return;
    const last = (guestAddress + BigInt(length) - 1n) / pageBytes;
    for (let page = guestAddress / pageBytes; page <= last && page < this.#pages; page++) this.#written.add(page);
  }

  /** @returns whether all that was written is marked. */
  check(log: Uint8Array): boolean {
    for (const page of this.#written) {
      const byte = log[Number(page / bitsOfByte)] ?? 0;
      if (((byte >> Number(page % bitsOfByte)) & 1) === 1) continue;
      const what = `the mark of page 0x${page.toString(16)}, which was written`;
      this.#tell({ requirement: 'vu-log/buffer-writes-marked', what, expected: 'set', actual: 'clear' });
      return false;
    }
    return true;
  }
}
