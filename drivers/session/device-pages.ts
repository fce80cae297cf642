import { SystemCallError } from '../errors.ts';
import type { Mapping } from '../native/native.ts';

/** A part of a device that is mapped here. */
export interface DevicePages {
  readonly bytes: Uint8Array;
  /** Idempotent. */
  unmap(): void;
}

/** Parts of one device file that are mapped. One that stays mapped would keep the device open: they go before the file does. */
export class MappedPages {
  readonly #mappings = new Set<Mapping>();

  /** @param map throws SystemCallError. Returns the part, or an error number negated. */
  add(map: () => Mapping): DevicePages | number {
    try {
      const mapping = map();
      this.#mappings.add(mapping);
      return {
        bytes: new Uint8Array(mapping.buffer),
        unmap: () => {
          this.#mappings.delete(mapping);
          mapping.unmap();
        },
      };
    } catch (error) {
      if (error instanceof SystemCallError) return -error.errno;
      throw error;
    }
  }

  unmapAll(): void {
    for (const mapping of this.#mappings) mapping.unmap();
    this.#mappings.clear();
  }
}
