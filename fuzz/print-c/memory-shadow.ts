import type { Guest } from '../../drivers/port/port.ts';
import type { Region } from '../../reference-impl/memory/region.ts';
import type { FilePlace } from './recording.ts';

/** Bytes of a region. */
export interface Extent {
  readonly region: Region;
  readonly offset: number;
  readonly length: number;
}

export interface StoredBytes extends FilePlace {
  readonly bytes: Uint8Array;
}

interface Shadowed {
  readonly region: Region;
  readonly file: number;
  readonly copy: Uint8Array;
}

const pageSize = 4096;
/** Runs of changed bytes that lie closer are one store. */
const joinedGap = 8;

/**
 * What our side stored to the memory of Guests, by comparison. What the device may write is left out: it does so to the
 * C program's memory as well.
 */
export class MemoryShadow {
  #regions: Shadowed[] = [];
  readonly #ofDevice = new Set<Extent>();

  /** @param fileOf the number of the file in which a region lies. */
  add(guest: Guest, fileOf: (region: Region) => number): void {
    for (const region of guest.regions) {
      this.#regions.push({ region, file: fileOf(region), copy: new Uint8Array(region.size) });
    }
  }

  forget(): void {
    this.#regions = [];
    this.#ofDevice.clear();
  }

  /** The bytes at an address of ours, or of a device behind an IOMMU; undefined where no region has all of them. */
  extentAt(address: bigint, length: number): Extent | undefined {
    for (const { region } of this.#regions) {
      for (const base of [region.userAddress, region.ioVirtualAddress]) {
        const offset = Number(BigInt.asUintN(64, address - base));
        if (offset + length <= region.size) return { region, offset, length };
      }
    }
    return undefined;
  }

  placeOf(region: Region, offset: number): FilePlace | undefined {
    const found = this.#regions.find((one) => one.region === region);
    return found && { file: found.file, offset: Number(region.mmapOffset) + offset };
  }

  /** From now on, what changes there is the device's. */
  leave(extent: Extent): void {
    this.#ofDevice.add(extent);
  }

  /** What stands there is known, and what changes from now on is ours. */
  take(extent: Extent): void {
    this.#learn(extent);
    this.#ofDevice.delete(extent);
  }

  /** What stands there is known where it was available before: our side marks nothing as used. */
  learnUsed(
    region: Region,
    offset: number,
    length: number,
    isAvailable: (bytes: Uint8Array, at: number) => boolean,
  ): void {
    const shadowed = this.#regions.find((one) => one.region === region);
    if (shadowed !== undefined && isAvailable(shadowed.copy, offset)) this.#learn({ region, offset, length });
  }

  /** What our side stores here is told in another way. */
  learn(extent: Extent): void {
    this.#learn(extent);
  }

  /** What our side stored since this was asked last, in the order of addresses. */
  changes(): StoredBytes[] {
    for (const extent of this.#ofDevice) this.#learn(extent);
    const stores: StoredBytes[] = [];
    for (const { region, file, copy } of this.#regions) {
      for (let page = 0; page < region.size; page += pageSize) {
        const now = region.bytes.subarray(page, page + pageSize);
        if (Buffer.compare(now, copy.subarray(page, page + pageSize)) === 0) continue;
        for (const [from, to] of changedRuns(now, copy.subarray(page))) {
          const bytes = now.slice(from, to);
          copy.set(bytes, page + from);
          stores.push({ file, offset: Number(region.mmapOffset) + page + from, bytes });
        }
      }
    }
    return stores;
  }

  #learn({ region, offset, length }: Extent): void {
    const shadowed = this.#regions.find((one) => one.region === region);
    shadowed?.copy.set(region.bytes.subarray(offset, offset + length), offset);
  }
}

function changedRuns(now: Uint8Array, before: Uint8Array): [number, number][] {
  const runs: [number, number][] = [];
  for (let at = 0; at < now.length; at++) {
    if (now[at] === before[at]) continue;
    const last = runs.at(-1);
    if (last !== undefined && at - last[1] < joinedGap) last[1] = at + 1;
    else runs.push([at, at + 1]);
  }
  return runs;
}

export const u16At = (bytes: Uint8Array, at: number): number => (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
