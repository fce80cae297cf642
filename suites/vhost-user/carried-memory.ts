import type { Guest, GuestRing } from '../../drivers/port/port.ts';
import type { WriteJournal } from '../../reference-impl/memory/write-journal.ts';
import { MemoryShadow } from '../../reference-impl/oracle/memory-shadow.ts';

const pageSize = 4096;

/**
 * The memory of a guest as a migration carries it: what the driver writes as it is written, what the device writes by
 * the pages that its log marks.
 */
export class CarriedMemory implements WriteJournal {
  readonly #guest: Guest;
  readonly #shadows: readonly MemoryShadow[];

  /** The memory must be as the migration found it: all that the driver writes from now on is carried. */
  constructor(guest: Guest) {
    this.#guest = guest;
    this.#shadows = guest.regions.map((region) => new MemoryShadow(region));
    for (const shadow of this.#shadows) {
      shadow.take(0, shadow.region.size);
      shadow.region.journal = this;
    }
  }

  wrote(region: number, offset: number, length: number): void {
    this.#shadows[region]?.take(offset, length);
  }

  // Of rings, which are carried whole.
  viewed(): void {}

  /**
   * Writes to a guest of the same layout what the driver wrote, the rings, and the pages of these numbers. Ends the
   * journal. Returns the numbers of the pages that differ then: the device wrote them and they were not named.
   */
  carry(to: Guest, rings: readonly GuestRing[], pages: readonly number[]): number[] {
    for (const { region, bytes } of this.#shadows) to.regions[region.index]?.bytes.set(bytes);
    for (const { areas } of rings) {
      for (const { guestAddress, length } of Object.values(areas)) this.#copy(to, guestAddress, length);
    }
    for (const page of pages) this.#copy(to, BigInt(page) * BigInt(pageSize), pageSize);
    for (const shadow of this.#shadows) {
      shadow.region.journal = undefined;
      shadow.release();
    }
    return this.#differing(to);
  }

  #copy(to: Guest, guestAddress: bigint, length: number): void {
    for (const { guestAddress: start, size, bytes, index } of this.#guest.regions) {
      const from = Number(guestAddress - start);
      if (from < 0 || from + length > size) continue;
      to.regions[index]?.bytes.set(bytes.subarray(from, from + length), from);
    }
  }

  #differing(to: Guest): number[] {
    return this.#guest.regions.flatMap(({ guestAddress, size, bytes, index }) => {
      const carried = to.regions[index]?.bytes ?? new Uint8Array(size);
      const pages = Array.from({ length: size / pageSize }, (_, n) => n * pageSize);
      return pages
        .filter((at) => !equal(bytes.subarray(at, at + pageSize), carried.subarray(at, at + pageSize)))
        .map((at) => Number(guestAddress) / pageSize + at / pageSize);
    });
  }
}

const equal = (left: Uint8Array, right: Uint8Array): boolean => left.every((byte, at) => byte === right[at]);
