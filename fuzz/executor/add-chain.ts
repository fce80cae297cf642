import { DESCRIPTOR_SIZE } from '../../reference-impl/virtqueue/descriptor.ts';
import type { DriverRing } from '../../reference-impl/virtqueue/driver-ring.ts';
import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import { SplitDriver } from '../../reference-impl/virtqueue/split/driver-ring.ts';
import type { AddressOf } from '../program/message-payload.ts';
import type { CallOf } from '../program/program.ts';

/** Adds a chain, unpublished. A packed ring has nothing in front of an indirect table. */
export function addChain(
  driver: DriverRing,
  segments: readonly Segment[],
  { direct, descending, tableFlags, tableLength, table }: CallOf<'chain'>,
  addressOf: AddressOf,
): number | 'ring-full' {
  const ofTable = {
    ...(tableFlags === 0 ? {} : { tableFlags }),
    ...(tableLength === undefined ? {} : { tableLength }),
    ...(table.length === 0 ? {} : { rewriteTable: (entries: DataView) => rewrite(entries, table, driver, addressOf) }),
  };
  if (!(driver instanceof SplitDriver)) {
    return driver.add(segments, direct === undefined ? {} : { indirect: 'all', ...ofTable });
  }
  return driver.add(segments, {
    ...(direct === undefined ? {} : { indirect: direct === 0 ? 'all' : direct, ...ofTable }),
    ...(descending ? { order: 'descending' } : {}),
  });
}

/** Where the fields of an entry stand, by the layout of its ring. */
const fieldsAt = { split: { flags: 12, next: 14 }, packed: { flags: 14, next: 12 } } as const;
const lengthAt = 8;

function rewrite(
  entries: DataView,
  changes: CallOf<'chain'>['table'],
  { layout }: DriverRing,
  addressOf: AddressOf,
): void {
  const count = entries.byteLength / DESCRIPTOR_SIZE;
  const at = fieldsAt[layout];
  for (const { entry, address, length, flags, next } of changes) {
    const from = (entry % count) * DESCRIPTOR_SIZE;
    if (address !== undefined) entries.setBigUint64(from, addressOf(address), true);
    if (length !== undefined) entries.setUint32(from + lengthAt, length, true);
    if (flags !== undefined) entries.setUint16(from + at.flags, flags, true);
    if (next !== undefined) entries.setUint16(from + at.next, next, true);
  }
}
