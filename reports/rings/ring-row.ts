import type { IndirectTableObservation, RingWriteObservation } from '../../reference-impl/observations/event.ts';
import { type TracedLayout, tableEntries } from '../trace/ring-write-words.ts';

export const ringAreas = ['descriptor', 'indirect', 'driver', 'device'] as const;
export type RingArea = (typeof ringAreas)[number];

/** Whose a descriptor is: the device has what was made available and was not seen to be used. */
export type Owner = 'driver' | 'device' | '';

/** What stands at one place of a ring from a step on. */
export interface RingRow {
  readonly area: RingArea;
  /** Slot or field, or the address where the slot is not known; of an indirect table the slot that leads to it, and the entry. */
  readonly place: string;
  /** Empty where nothing stands there any more. */
  readonly text: string;
  readonly owner: Owner;
}

export type RingWrite = RingWriteObservation & { readonly seq: number };
export type TableWrite = IndirectTableObservation & { readonly seq: number };

export const descriptorSize = 16;

export const viewOf = ({ bytes }: RingWriteObservation): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** The first two bytes; 0 where a trace holds fewer. */
export const u16 = (event: RingWriteObservation): number =>
  event.bytes.length < 2 ? 0 : viewOf(event).getUint16(0, true);

export function lowest(writes: readonly RingWriteObservation[]): bigint | undefined {
  return writes.reduce<bigint | undefined>(
    (least, { address }) => (least === undefined || address < least ? address : least),
    undefined,
  );
}

export function slotIn(base: bigint | undefined, { address }: RingWriteObservation, size: number): number | undefined {
  if (base === undefined || address < base) return undefined;
  const distance = address - base;
  return distance % BigInt(size) === 0n && distance / BigInt(size) < 32768n
    ? Number(distance / BigInt(size))
    : undefined;
}

export const hexOf = (address: bigint): string => `0x${address.toString(16)}`;

/** The indirect tables of a ring, by the slot of the descriptor that leads to each. */
export class RingTables {
  readonly #layout: TracedLayout;
  readonly #entries = new Map<number, readonly string[]>();
  #pending: readonly string[] | undefined;

  constructor(layout: TracedLayout) {
    this.#layout = layout;
  }

  /** A table that the next descriptor leads to. */
  take(table: TableWrite): void {
    this.#pending = tableEntries(table, this.#layout);
  }

  /** The descriptor of a slot was written: its table, or that its earlier one stands there no more. */
  descriptor(slot: number, owner: Owner): RingRow[] {
    const before = this.#entries.get(slot) ?? [];
    const now = this.#pending ?? [];
    this.#pending = undefined;
    if (now.length === 0) this.#entries.delete(slot);
    else this.#entries.set(slot, now);
    const gone = before.slice(now.length).map((_, n) => this.#row(slot, now.length + n, '', ''));
    return [...this.rows(slot, owner), ...gone];
  }

  rows(slot: number, owner: Owner): RingRow[] {
    return (this.#entries.get(slot) ?? []).map((text, n) => this.#row(slot, n, text, owner));
  }

  #row(slot: number, entry: number, text: string, owner: Owner): RingRow {
    return { area: 'indirect', place: `${slot} [${entry}]`, text, owner };
  }
}
