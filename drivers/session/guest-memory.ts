import { userAddress } from '../../reference-impl/memory/addresses.ts';
import { Guest, regionsOf } from '../../reference-impl/memory/guest.ts';
import type { GuestLayout } from '../../reference-impl/memory/guest-layout.ts';
import type { Region, RegionMemory } from '../../reference-impl/memory/region.ts';
import { DriverUsageError, SystemCallError } from '../errors.ts';
import { closeFd, type Mapping, mapMemory, memfdCreate, startMutator } from '../native/native.ts';
import type { MemoryChange, RedZone } from '../port/port.ts';
import { fillZone, firstChange, zoneBytes, zonePlaces } from './red-zones.ts';

/** The sealed memory file that regions of a Guest lie in. */
class MemoryFile {
  readonly fd: number;
  readonly name: string;
  readonly #mapping: Mapping;
  readonly #placed: Mapping[] = [];

  constructor(name: string, size: number) {
    this.name = name;
    this.fd = memfdCreate(name, size, { seal: true });
    try {
      this.#mapping = mapMemory(this.fd, size);
    } catch (error) {
      closeFd(this.fd);
      throw error;
    }
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.#mapping.buffer);
  }

  /** A thread that stores the patterns in turn. */
  change(offset: number, patterns: readonly Uint8Array[], periodNs: number): MemoryChange {
    return startMutator(this.#mapping, offset, patterns, periodNs);
  }

  /** Maps a part once more, at an address of this process. Undefined where something lies there. */
  place(address: bigint, offset: bigint, size: number): Uint8Array | undefined {
    try {
      const mapping = mapMemory(this.fd, size, offset, { address });
      this.#placed.push(mapping);
      return new Uint8Array(mapping.buffer);
    } catch (error) {
      if (error instanceof SystemCallError && error.errnoName === 'EEXIST') return undefined;
      throw error;
    }
  }

  /** Unmaps all that was placed. */
  displace(): void {
    for (const mapping of this.#placed.splice(0)) mapping.unmap();
  }

  /** Views of the memory become empty. */
  close(): void {
    this.displace();
    this.#mapping.unmap();
    closeFd(this.fd);
  }
}

/**
 * Where the memory of a Guest lies in this process: wherever there is room, or at its user addresses, for an IUT that
 * reaches our memory by them (the kernel). There the layout's user addresses move, all by one distance, where something
 * else has them.
 */
export type GuestPlacement = 'anywhere' | 'at-user-addresses';

const distance = 1n << 40n;
const mostMoves = 16n;

/** A Guest in memory files of its own, sealed against shrinking and growing, so that an IUT can map them. */
export class MappedGuest {
  readonly guest: Guest;
  readonly redZones: readonly RedZone[];
  readonly #files: MemoryFile[] = [];

  /**
   * `name` begins the names of the memory files, by which they are found again in the IUT.
   * @param hasRedZones bytes beside the regions are watched.
   */
  constructor(layout: GuestLayout, name: string, placement: GuestPlacement = 'anywhere', hasRedZones = false) {
    try {
      const memory = regionsOf(layout, (number, size) => {
        const file = new MemoryFile(`${name}-file${number}`, size + (hasRedZones ? zoneBytes : 0));
        this.#files.push(file);
        return { bytes: file.bytes, backing: file };
      });
      this.redZones = hasRedZones ? this.#zonesOf(layout) : [];
      this.guest = new Guest(placement === 'anywhere' ? memory : this.#placed(memory));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    for (const file of this.#files.splice(0)) file.close();
  }

  #zonesOf(layout: GuestLayout): RedZone[] {
    return zonePlaces(layout).flatMap(({ file: number, offset, size }) => {
      const file = this.#files[number];
      if (file === undefined) return [];
      const bytes = file.bytes.subarray(offset, offset + size);
      fillZone(bytes);
      return [{ backing: file, mmapOffset: BigInt(offset), size, changedAt: () => firstChange(bytes) }];
    });
  }

  /** @throws DriverUsageError where no distance makes room for all of them. */
  #placed(memory: readonly RegionMemory[]): RegionMemory[] {
    for (let move = 0n; move < mostMoves; move++) {
      const placed = memory.map((region) => placedAt(region, region.userAddress - move * distance));
      if (placed.every((region) => region !== undefined)) return placed;
      for (const file of this.#files) file.displace();
    }
    throw new DriverUsageError('this process has no room at the user addresses of the layout');
  }
}

function placedAt(region: RegionMemory, address: bigint): RegionMemory | undefined {
  const { backing, mmapOffset, size } = region;
  if (!(backing instanceof MemoryFile) || address <= 0n) return undefined;
  const bytes = backing.place(address, mmapOffset, size);
  return bytes === undefined ? undefined : { ...region, userAddress: userAddress(address), bytes };
}

/** Descriptor of the file that a region lies in. @throws DriverUsageError for memory that no descriptor stands for. */
export function descriptorOfRegion(region: Region): number {
  if (region.backing instanceof MemoryFile) return region.backing.fd;
  throw new DriverUsageError(`region ${region.index} lies in no memory file, so it cannot be shared`);
}

/** As `DriverPort.changeMemory`. The region's file cannot be unmapped before the end of the change. */
export function changeOf(
  region: Region,
  offset: number,
  patterns: readonly Uint8Array[],
  periodNs: number,
): MemoryChange {
  const length = patterns[0]?.length ?? 0;
  if (length === 0 || offset < 0 || offset + length > region.size) {
    throw new DriverUsageError(`${length} bytes at ${offset} do not lie in region ${region.index}`);
  }
  if (region.backing instanceof MemoryFile) {
    return region.backing.change(Number(region.mmapOffset) + offset, patterns, periodNs);
  }
  throw new DriverUsageError(`region ${region.index} lies in no memory file, so no thread can change it`);
}
