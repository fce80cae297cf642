import type { GuestPackedRing, Session } from '../../../drivers/port/port.ts';
import { availableBits } from '../../../reference-impl/virtqueue/packed/layout.ts';
import { type CaseContext, defineCase, type VariantAxes } from '../../case.ts';
import type { Check } from '../../check.ts';
import { entriesOf, fillTable, type TableEntry } from './indirect-table.ts';
import { INDIRECT, WRITE } from './list-flags.ts';
import { placeAfter, placesOf, usedPlace } from './place.ts';

/** Indirect descriptors of a packed ring (virtio 2.8.5, 2.8.7). */

const negotiate = ['VIRTIO_F_INDIRECT_DESC'] as const;
const applies = { start: 'negotiated', ring: 'packed', negotiate } as const;
const cut = { descriptors: 6 };

export const servedLikeList = defineCase({
  id: 'virtio/packed-ring/indirect-table-is-served-like-a-list',
  title: 'a request in an indirect table is served as the same list is, and its used descriptor takes one slot',
  proves: { 'packed-indirect/table-served-like-list': 'packed-table-takes-slots' },
  applies,
  run({ driver, ring, requirement }) {
    const queue = driver.attach(ring({ size: 8 }), { indirect: true });
    const check = requirement('packed-indirect/table-served-like-list');
    for (let n = 0; n < 12; n++) {
      const request = driver.request({ seed: n, ...cut });
      const [id] = queue.makeAvailable([request.segments], { indirect: 'all' });
      const [used] = queue.kickAndWaitForUsed(1);
      check.equal(used?.id, id, `id of the used descriptor of request ${n}`);
      if (!check.equal(request.problem(), undefined, `what is wrong with request ${n}`)) return;
    }
  },
});

export const bothKinds = defineCase({
  id: 'virtio/packed-ring/direct-and-indirect-lists-in-one-ring',
  title: 'direct lists and indirect descriptors follow each other in one ring, over its end',
  proves: { 'packed-indirect/both-kinds-in-one-ring': 'packed-table-takes-two-slots' },
  applies,
  run({ driver, ring, requirement }) {
    const queue = driver.attach(ring({ size: 13 }), { indirect: true });
    const check = requirement('packed-indirect/both-kinds-in-one-ring');
    for (let n = 0; n < 16; n++) {
      const request = driver.request({ seed: n, ...cut });
      queue.makeAvailable([request.segments], n % 3 === 0 ? {} : { indirect: 'all' });
      queue.kickAndWaitForUsed(1);
      if (!check.equal(request.problem(), undefined, `what is wrong with request ${n}`)) return;
    }
  },
});

/**
 * A request there and back as a direct list, and then the same buffers once more by a table of the case's own: what is
 * wrong with it then.
 */
function byOwnTable(
  {
    driver,
    guest,
    ring,
  }: Pick<CaseContext<string, VariantAxes, Session, GuestPackedRing>, 'driver' | 'guest' | 'ring'>,
  check: Check,
  change: (entry: TableEntry, at: number, count: number) => TableEntry,
  flags = 0,
): void {
  const size = 16;
  const queue = driver.attach(ring({ size }), { indirect: true, kicks: 'always' });
  const request = driver.request(cut);
  const { segments } = request;
  const start = usedPlace(queue.driver);
  queue.driver.add(segments);
  const places = placesOf(
    start,
    segments.map(() => 1),
    size,
  );
  const entries = entriesOf(queue.ring, places);
  queue.driver.publish();
  queue.kickAndWaitForUsed(1);
  for (const { guestAddress, length, writable } of segments) {
    if (writable) guest.spanAt(guestAddress, length).fill(0xe7);
  }
  const table = guest.allocate({ size: 16 * entries.length });
  fillTable(
    table,
    entries.map((entry, at) => change(entry, at, entries.length)),
  );
  queue.driver.add([{ ...table, writable: false }]);
  const at = placeAfter(start, segments.length, size);
  queue.ring.writeDescriptor(at.slot, { flags: INDIRECT | flags | availableBits(at.wrap) });
  queue.kickAndWaitForUsed(1);
  check.equal(request.problem(), undefined, 'what is wrong with the request by a table');
}

export const writeFlag = defineCase({
  id: 'virtio/packed-ring/indirect-write-flag-is-ignored',
  title: 'the WRITE flag of the descriptor that refers to a table has no effect',
  proves: { 'packed-indirect/write-flag-ignored': 'packed-indirect-write-flag-heeded' },
  applies,
  unwatched: 'it writes descriptors itself',
  run(context) {
    const check = context.requirement('packed-indirect/write-flag-ignored');
    byOwnTable(context, check, (entry) => entry, WRITE);
  },
});

export const idsInTable = defineCase({
  id: 'virtio/packed-ring/ids-in-indirect-table-are-ignored',
  title: 'what stands in the id fields of a table has no effect',
  proves: { 'packed-indirect/id-in-table-ignored': 'packed-indirect-id-in-table-heeded' },
  applies,
  variants: { ids: ['zero', 'counting', 'highest'] },
  unwatched: 'it writes descriptors itself',
  run(context) {
    const check = context.requirement('packed-indirect/id-in-table-ignored');
    const id = { zero: () => 0, counting: (at: number) => at + 1, highest: () => 0xffff }[context.variant.ids];
    byOwnTable(context, check, (entry, at) => ({ ...entry, id: id(at) }));
  },
});

export const flagsInTable = defineCase({
  id: 'virtio/packed-ring/other-flags-in-indirect-table-are-ignored',
  title: 'flags other than WRITE have no effect in a table: NEXT or none of it, AVAIL and USED, undefined bits',
  proves: { 'packed-indirect/other-flags-in-table-ignored': 'packed-flags-in-table-heeded' },
  applies,
  variants: { flags: ['next', 'next-but-at-the-end', 'avail-used', 'undefined'] },
  unwatched: 'it writes descriptors itself',
  run(context) {
    const check = context.requirement('packed-indirect/other-flags-in-table-ignored');
    const bits = {
      next: () => 1,
      'next-but-at-the-end': (at: number, count: number) => (at < count - 1 ? 1 : 0),
      'avail-used': () => 0x8080,
      undefined: () => 0x7f78,
    }[context.variant.flags];
    byOwnTable(context, check, (entry, at, count) => ({ ...entry, flags: entry.flags | bits(at, count) }));
  },
});
