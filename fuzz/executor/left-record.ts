import type { GuestRing, RingPosition } from '../../drivers/port/port.ts';
import { VIRTQ_DESC_F_NEXT } from '../../reference-impl/virtqueue/descriptor.ts';
import { isAvailableIn } from '../../reference-impl/virtqueue/packed/layout.ts';
import { PackedRing } from '../../reference-impl/virtqueue/packed/ring-memory.ts';
import { type PackedPosition, packedPosition, splitPosition } from '../../reference-impl/virtqueue/ring.ts';
import { SplitRing } from '../../reference-impl/virtqueue/split/ring-memory.ts';
import {
  inflightRegion,
  packedInflightRegion as packed,
  splitInflightRegion as split,
} from '../../reference-impl/wire/inflight-region.ts';
import type { CallOf } from '../program/program.ts';

/** What a back-end left that fetched all chains of a ring and used none. */
export interface LeftRecord {
  /** The region of the ring. */
  readonly bytes: Uint8Array;
  /** Buffer ids, in the order of their counters, of which the last is the highest. */
  readonly ids: readonly number[];
  readonly highest: bigint;
  /** Where the ring stands: what was fetched is not available any more. */
  readonly position: RingPosition;
}

/** Undefined where nothing is available, or a ring shows more than it has room for. */
export function leftRecord(
  ring: GuestRing,
  begun: RingPosition,
  { order, first }: Pick<CallOf<'record'>, 'order' | 'first'>,
): LeftRecord | undefined {
  const region = new Uint8Array(
    ring instanceof SplitRing ? split.header + split.entry * ring.size : packed.header + packed.entry * ring.size,
  );
  const view = new DataView(region.buffer);
  view.setUint16(inflightRegion.version, inflightRegion.inUse, true);
  view.setUint16(inflightRegion.descNum, ring.size, true);
  if (ring instanceof SplitRing && begun.layout === 'split') {
    const avail = ring.availIdx();
    const count = (avail - begun.used) & 0xffff;
    if (count === 0 || count > ring.size) return undefined;
    const heads = Array.from({ length: count }, (_, n) => ring.availHead((begun.used + n) % ring.size));
    if (heads.some((head) => head >= ring.size)) return undefined;
    view.setUint16(split.usedIdx, begun.used, true);
    const counters = countersOf(count, order, first);
    for (const [n, head] of heads.entries()) {
      view.setUint8(split.header + split.entry * head + split.isInflight, 1);
      view.setBigUint64(split.header + split.entry * head + split.counter, counters[n] ?? 0n, true);
    }
    return { bytes: region, ...counted(heads, counters), position: splitPosition(avail, begun.used) };
  }
  if (!(ring instanceof PackedRing) || begun.layout !== 'packed') return undefined;
  const { lists, position } = fetchedLists(ring, begun);
  if (lists.length === 0) return undefined;
  const counters = countersOf(lists.length, order, first);
  fillPacked(view, ring, lists, counters, begun);
  const ids = lists.map((slots) => ring.id(slots.at(-1) ?? 0));
  return { bytes: region, ...counted(ids, counters), position };
}

function countersOf(count: number, order: CallOf<'record'>['order'], first: bigint): bigint[] {
  const rising = Array.from({ length: count }, (_, n) => BigInt.asUintN(62, first) + BigInt(n));
  switch (order) {
    case 'rising':
      return rising;
    case 'falling':
      return rising.reverse();
    case 'rotated':
      return [...rising.slice(1), ...rising.slice(0, 1)];
  }
}

function counted(ids: readonly number[], counters: readonly bigint[]): Pick<LeftRecord, 'ids' | 'highest'> {
  const sorted = ids
    .map((id, n) => ({ id, counter: counters[n] ?? 0n }))
    .sort((one, other) => (one.counter < other.counter ? -1 : 1));
  return { ids: sorted.map(({ id }) => id), highest: sorted.at(-1)?.counter ?? 0n };
}

/** The slots of each list that is available, and where the next one would stand. */
function fetchedLists(ring: PackedRing, begun: PackedPosition): { lists: number[][]; position: PackedPosition } {
  const lists: number[][] = [];
  let [slot, wrap] = [begun.used, begun.usedWrap];
  let left = ring.size;
  while (left > 0 && isAvailableIn(ring.flags(slot), wrap)) {
    const list: number[] = [];
    for (let more = true; more && left > 0; left--) {
      list.push(slot);
      more = (ring.flags(slot) & VIRTQ_DESC_F_NEXT) !== 0;
      slot++;
      if (slot < ring.size) continue;
      slot = 0;
      wrap = wrap === 1 ? 0 : 1;
    }
    lists.push(list);
  }
  return { lists, position: packedPosition(slot, wrap, begun.used, begun.usedWrap) };
}

/** Entries are taken in the order of the lists; those that are left are free. */
function fillPacked(
  view: DataView,
  ring: PackedRing,
  lists: readonly (readonly number[])[],
  counters: readonly bigint[],
  begun: PackedPosition,
): void {
  const entryAt = (entry: number): number => packed.header + packed.entry * entry;
  for (let entry = 0; entry < ring.size; entry++) view.setUint16(entryAt(entry) + packed.next, entry + 1, true);
  let free = 0;
  for (const [n, slots] of lists.entries()) {
    const head = entryAt(free);
    view.setUint8(head + packed.isInflight, 1);
    view.setUint16(head + packed.last, free + slots.length - 1, true);
    view.setUint16(head + packed.num, slots.length, true);
    view.setBigUint64(head + packed.counter, counters[n] ?? 0n, true);
    for (const slot of slots) {
      const at = entryAt(free++);
      view.setUint16(at + packed.id, ring.id(slot), true);
      view.setUint16(at + packed.flags, ring.flags(slot), true);
      view.setUint32(at + packed.length, ring.len(slot), true);
      view.setBigUint64(at + packed.address, ring.addr(slot), true);
    }
  }
  for (const at of [packed.freeHead, packed.oldFreeHead]) view.setUint16(at, free, true);
  for (const at of [packed.usedIdx, packed.oldUsedIdx]) view.setUint16(at, begun.used, true);
  for (const at of [packed.usedWrap, packed.oldUsedWrap]) view.setUint8(at, begun.usedWrap);
}
