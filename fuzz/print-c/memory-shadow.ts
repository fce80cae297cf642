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

/** From one byte up to another, which it does not have. */
type Run = readonly [number, number];

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

  /**
   * What our side stored since this was asked last, in the order in which it can be stored again: what `publishing` has
   * makes other stores visible to the device, and comes last.
   */
  changes(publishing: readonly Extent[]): StoredBytes[] {
    for (const extent of this.#ofDevice) this.#learn(extent);
    const stores: StoredBytes[] = [];
    const published: StoredBytes[] = [];
    for (const { region, file, copy } of this.#regions) {
      for (let page = 0; page < region.size; page += pageSize) {
        const now = region.bytes.subarray(page, page + pageSize);
        if (Buffer.compare(now, copy.subarray(page, page + pageSize)) === 0) continue;
        // The device may write while this is looked at.
        const ofDevice = within(this.#ofDevice, region, page);
        const isLast = within(publishing, region, page);
        const add = (list: StoredBytes[], [from, to]: Run): void => {
          const bytes = now.slice(from, to);
          copy.set(bytes, page + from);
          list.push({ file, offset: Number(region.mmapOffset) + page + from, bytes });
        };
        for (const run of changedRuns(now, copy.subarray(page))) {
          for (const ours of divided(run, ofDevice).outside) {
            const { inside, outside } = divided(ours, isLast);
            for (const part of outside) add(stores, part);
            for (const part of inside) add(published, part);
          }
        }
      }
    }
    return [...stores, ...published.reverse()];
  }

  #learn({ region, offset, length }: Extent): void {
    const shadowed = this.#regions.find((one) => one.region === region);
    shadowed?.copy.set(region.bytes.subarray(offset, offset + length), offset);
  }
}

function changedRuns(now: Uint8Array, before: Uint8Array): Run[] {
  const runs: [number, number][] = [];
  for (let at = 0; at < now.length; at++) {
    if (now[at] === before[at]) continue;
    const last = runs.at(-1);
    if (last !== undefined && at - last[1] < joinedGap) last[1] = at + 1;
    else runs.push([at, at + 1]);
  }
  return runs;
}

/** The parts of a page that these extents cover, in the order of addresses. */
function within(extents: Iterable<Extent>, region: Region, page: number): Run[] {
  const runs: Run[] = [];
  for (const extent of extents) {
    const [from, to] = [extent.offset - page, extent.offset + extent.length - page];
    if (extent.region === region && to > 0 && from < pageSize) runs.push([from, to]);
  }
  return runs.sort(([left], [right]) => left - right);
}

/** The parts of a run within others, which are in the order of addresses, and those outside of them. */
function divided([from, to]: Run, others: readonly Run[]): { readonly inside: Run[]; readonly outside: Run[] } {
  const inside: Run[] = [];
  const outside: Run[] = [];
  let at = from;
  for (const [otherFrom, otherTo] of others) {
    const [begin, end] = [Math.max(otherFrom, at), Math.min(otherTo, to)];
    if (begin >= end) continue;
    if (at < begin) outside.push([at, begin]);
    inside.push([begin, end]);
    at = end;
  }
  if (at < to) outside.push([at, to]);
  return { inside, outside };
}

export const u16At = (bytes: Uint8Array, at: number): number => (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
