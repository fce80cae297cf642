import { Guest, regionsOf } from '../../reference-impl/memory/guest.ts';
import type { GuestLayout } from '../../reference-impl/memory/guest-layout.ts';
import type { Region } from '../../reference-impl/memory/region.ts';
import { DriverUsageError } from '../errors.ts';
import { closeFd, type Mapping, mapMemory, memfdCreate } from '../native/native.ts';

/** The sealed memory file that regions of a Guest lie in. */
export class MemoryFile {
  readonly fd: number;
  readonly name: string;
  readonly #mapping: Mapping;

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

  /** Views of the memory become empty. */
  close(): void {
    this.#mapping.unmap();
    closeFd(this.fd);
  }
}

/** A Guest in memory files of its own, sealed against shrinking and growing, so that an IUT can map them. */
export class MappedGuest {
  readonly guest: Guest;
  readonly #files: MemoryFile[] = [];

  /** `name` begins the names of the memory files, by which they are found again in the IUT. */
  constructor(layout: GuestLayout, name: string) {
    try {
      this.guest = new Guest(
        regionsOf(layout, (number, size) => {
          const file = new MemoryFile(`${name}-file${number}`, size);
          this.#files.push(file);
          return { bytes: file.bytes, backing: file };
        }),
      );
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    for (const file of this.#files.splice(0)) file.close();
  }
}

/** Descriptor of the file that a region lies in. @throws DriverUsageError for memory that no descriptor stands for. */
export function descriptorOfRegion(region: Region): number {
  if (region.backing instanceof MemoryFile) return region.backing.fd;
  throw new DriverUsageError(`region ${region.index} lies in no memory file, so it cannot be shared`);
}
