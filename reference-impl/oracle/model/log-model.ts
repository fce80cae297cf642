import type { RequirementSlug } from '../../catalogue/catalogue.ts';
import type { Tell } from './observation.ts';

/** vhost-user, "Migration": a bit of the log stands for so many bytes, the least significant bit of a byte first. */
const pageBytes = 4096n;
const bitsOfByte = 8n;

/** Where the first differs from the second; less than 0 where it is the same. */
function firstDifference(before: Uint8Array, now: Uint8Array): number {
  for (let at = 0; at < now.length; at++) if (now[at] !== before[at]) return at;
  return -1;
}

/** The log of dirty pages of one session: each page of a buffer that was written is marked. More may be. */
export class LogModel {
  readonly #tell: Tell;
  /** Pages that the log has room for. */
  readonly #pages: bigint;
  /** By page that was written, what asks for its mark. */
  readonly #written = new Map<bigint, RequirementSlug>();

  constructor(tell: Tell, bytes: number) {
    this.#tell = tell;
    this.#pages = BigInt(bytes) * bitsOfByte;
  }

  wrote(guestAddress: bigint, length: number): void {
    this.#wrote(guestAddress, length, 'vu-log/buffer-writes-marked');
  }

  /** Bytes of a used ring, at the address that its marks have. */
  wroteUsedRing(logAddress: bigint, length: number): void {
    this.#wrote(logAddress, length, 'vu-log/used-ring-writes-marked-with-ring-flag');
  }

  /** While nothing is logged, the log stays as it is. @returns whether it did. */
  rests(before: Uint8Array, now: Uint8Array, requirement: RequirementSlug): boolean {
    const at = firstDifference(before, now);
    if (at < 0) return true;
    const what = `byte ${at} of the log while nothing is logged`;
    this.#tell({ requirement, what, expected: String(before[at]), actual: String(now[at]) });
    return false;
  }

  #wrote(guestAddress: bigint, length: number, requirement: RequirementSlug): void {
    if (length === 0) return;
    const last = (guestAddress + BigInt(length) - 1n) / pageBytes;
    for (let page = guestAddress / pageBytes; page <= last && page < this.#pages; page++) {
      if (!this.#written.has(page)) this.#written.set(page, requirement);
    }
  }

  /** @returns whether all that was written is marked. */
  check(log: Uint8Array): boolean {
    for (const [page, requirement] of this.#written) {
      const byte = log[Number(page / bitsOfByte)] ?? 0;
      if (((byte >> Number(page % bitsOfByte)) & 1) === 1) continue;
      const what = `the mark of page 0x${page.toString(16)}, which was written`;
      this.#tell({ requirement, what, expected: 'set', actual: 'clear' });
      return false;
    }
    return true;
  }
}
