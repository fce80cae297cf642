import type { GuestPackedRing } from '../../../drivers/port/port.ts';
import type { Span } from '../../../reference-impl/memory/span.ts';
import type { Place } from './place.ts';

/** struct pvirtq_desc, in a table. */
export interface TableEntry {
  readonly addr: bigint;
  readonly len: number;
  readonly id: number;
  readonly flags: number;
}

/** What the descriptors of a list refer to, as entries of a table: WRITE is the only flag there (virtio 2.8.7). */
export function entriesOf(ring: GuestPackedRing, places: readonly Place[]): TableEntry[] {
  return places.map(({ slot }) => {
    const { addr, len, flags } = ring.readDescriptor(slot);
    return { addr, len, id: 0, flags: flags & 2 };
  });
}

/** Writes entries into a table, from its start. */
export function fillTable(table: Span, entries: readonly TableEntry[]): void {
  const { buffer, byteOffset, length } = table.bytes;
  const view = new DataView(buffer, byteOffset, length);
  for (const [entry, { addr, len, id, flags }] of entries.entries()) {
    view.setBigUint64(entry * 16, addr, true);
    view.setUint32(entry * 16 + 8, len, true);
    view.setUint16(entry * 16 + 12, id, true);
    view.setUint16(entry * 16 + 14, flags, true);
  }
}
