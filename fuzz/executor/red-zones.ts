import type { DriverPort, RedZone } from '../../drivers/port/port.ts';
import type { Region } from '../../reference-impl/memory/region.ts';
import type { Call, CallOf } from '../program/program.ts';
import type { MadeThings } from './made-things.ts';

/** A write beside the memory that was given, in words. */
export interface Harm {
  readonly what: string;
}

/**
 * Watches the bytes beside the regions of a program's memory. Whatever a program has done, the IUT may write in files that
 * it was given, and there where it was told: a region that was told to be larger covers bytes beside it, and a descriptor
 * that went with a message of any content gives the whole file.
 */
export class RedZoneWatch {
  readonly #port: DriverPort;
  readonly #made: MadeThings;
  readonly #given: { readonly backing: unknown; readonly from: bigint; readonly to: bigint }[] = [];

  constructor(port: DriverPort, made: MadeThings) {
    this.#port = port;
    this.#made = made;
  }

  /** What was written beside the memory that was given, as far as it is seen behind this call. */
  after(call: Call): Harm | undefined {
    this.#note(call);
    for (const guest of this.#made.guests.values()) {
      for (const zone of this.#port.redZonesOf(guest)) {
        const at = zone.changedAt();
        if (at === undefined || this.#isGiven(zone)) continue;
        const near = guest.regions.find(({ backing, mmapOffset, size }) => {
          return backing === zone.backing && mmapOffset + BigInt(size) === zone.mmapOffset;
        });
        const side = near === undefined ? 'ahead of a region' : 'behind a region';
        return { what: `byte ${at} ${side}, which is in no region that was told` };
      }
    }
    return undefined;
  }

  #note(call: Call): void {
    if (call.kind === 'memory-table') for (const region of call.regions) this.#noteTold(region);
    if (call.kind === 'memory-slot') for (const region of call.regions.slice(0, 1)) this.#noteTold(region);
    if (!('descriptors' in call)) return;
    for (const { kind, memory, region } of call.descriptors) {
      const made = kind === 'region' ? this.#made.region(memory, region) : undefined;
      if (made !== undefined) this.#given.push({ backing: made.backing, from: 0n, to: 1n << 64n });
    }
  }

  #noteTold({ memory, region, size, mmapOffset, file }: CallOf<'memory-table'>['regions'][number]): void {
    const made: Region | undefined = file ? this.#made.region(memory, region) : undefined;
    if (made === undefined) return;
    const { addressOf } = this.#made;
    const from = mmapOffset === undefined ? made.mmapOffset : addressOf(mmapOffset);
    const bytes = size === undefined ? BigInt(made.size) : addressOf(size);
    this.#given.push({ backing: made.backing, from, to: from + bytes });
  }

  #isGiven({ backing, mmapOffset, size }: RedZone): boolean {
    const end = mmapOffset + BigInt(size);
    return this.#given.some((range) => range.backing === backing && range.from < end && mmapOffset < range.to);
  }
}
