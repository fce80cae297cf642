import type { RequirementSlug } from '../../../catalogue/catalogue.ts';
import { errno } from '../../../wire/errno.ts';
import type { CallCheck } from './call-check.ts';

export interface PlainRegion {
  readonly what: string;
  readonly size: number;
  /** Bits of a byte that a write changes; undefined where that is open. */
  readonly writable: (at: number) => number | undefined;
  /** What each byte holds when the device is made, as far as that is known. */
  readonly content: (at: number) => number | undefined;
  readonly requirements: {
    /** By which a byte has its value. */
    readonly holds: (at: number, wasWritten: boolean) => RequirementSlug;
    readonly end: RequirementSlug;
    readonly across: RequirementSlug;
  };
}

/** A region that reads as it was written: each byte has one value, whichever access shows it. */
export class PlainRegionModel {
  readonly #region: PlainRegion;
  readonly #check: CallCheck;
  readonly #bytes = new Map<number, number | undefined>();
  readonly #written = new Set<number>();

  constructor(region: PlainRegion, check: CallCheck) {
    this.#region = region;
    this.#check = check;
  }

  /** As the device was made. */
  reset(): void {
    // What was seen before any write is what it is made with.
    for (const at of this.#written) this.#bytes.delete(at);
    this.#written.clear();
  }

  read(offset: number, length: number, bytes: Uint8Array, result: number): void {
    if (!this.#expectLength(`a read of ${length} bytes of ${this.#region.what} at ${offset}`, offset, length, result))
      return;
    for (let n = 0; n < result; n++) {
      const at = offset + n;
      const expected = this.#bytes.has(at) ? this.#bytes.get(at) : this.#region.content(at);
      const actual = bytes[n] as number;
      if (expected === undefined) this.#bytes.set(at, actual);
      else if (expected !== actual) {
        const requirement = this.#region.requirements.holds(at, this.#written.has(at));
        this.#check.fail(requirement, `byte ${at} of ${this.#region.what}`, String(expected), String(actual));
        return;
      }
    }
  }

  write(offset: number, length: number, bytes: Uint8Array, result: number): void {
    if (!this.#expectLength(`a write of ${length} bytes to ${this.#region.what} at ${offset}`, offset, length, result))
      return;
    for (let n = 0; n < result; n++) {
      const at = offset + n;
      const mask = this.#region.writable(at);
      const before = this.#bytes.has(at) ? this.#bytes.get(at) : this.#region.content(at);
      this.#written.add(at);
      if (mask === 0 && before !== undefined) this.#bytes.set(at, before);
      else if (mask === undefined || (before === undefined && mask !== 0xff)) this.#bytes.set(at, undefined);
      else this.#bytes.set(at, ((before ?? 0) & ~mask) | ((bytes[n] as number) & mask));
    }
  }

  #expectLength(what: string, offset: number, length: number, result: number): boolean {
    const { size, requirements } = this.#region;
    if (offset >= size) {
      this.#check.expect(what, result, { allowed: -errno.EINVAL, requirement: requirements.end });
      return false;
    }
    const allowed = Math.min(length, size - offset);
    const requirement = allowed < length ? requirements.across : requirements.holds(offset, false);
    return this.#check.expect(what, result, { allowed, requirement });
  }
}
