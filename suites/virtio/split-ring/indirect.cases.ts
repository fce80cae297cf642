import type { Span } from '../../../reference-impl/memory/span.ts';
import { readable } from '../../../reference-impl/virtqueue/segment.ts';
import type { Descriptor } from '../../../reference-impl/virtqueue/split/ring-memory.ts';
import { defineCase } from '../../case.ts';
import { type Breakage, eachSurvivedOnSplit, type LaidOut } from '../broken-chain.ts';
import { isLengthOf } from '../used-length.ts';

/** Indirect descriptors of a split ring (virtio 2.7.5.3). */

const NEXT = 1;
const WRITE = 2;
const INDIRECT = 4;
const negotiate = ['VIRTIO_F_INDIRECT_DESC'] as const;
const cut = { descriptors: 6 };

export const servedLikeChain = defineCase({
  id: 'virtio/split-ring/indirect-table-is-served-like-a-chain',
  title: 'a request in an indirect table is served as the same chain of direct descriptors is',
  proves: { 'indirect/table-served-like-chain': 'indirect-table-cut-short' },
  applies: { start: 'negotiated', negotiate },
  variants: { placement: ['contiguous', 'apart'] },
  run({ driver, ring, variant, requirement }) {
    const queue = driver.attach(ring({ size: 8, placement: variant.placement }), { indirect: true });
    const check = requirement('indirect/table-served-like-chain');
    for (const seed of [1, 2, 3, 4, 5]) {
      const request = driver.request({ seed, ...cut });
      const [head] = queue.makeAvailable([request.segments], { indirect: 'all' });
      const [used] = queue.kickAndWaitForUsed(1);
      check.equal(used?.id, head, `id of the used element of request ${seed}`);
      isLengthOf(request, check, queue, used?.len, `len of the used element of request ${seed}`);
      check.equal(request.problem(), undefined, `what is wrong with request ${seed}`);
    }
  },
});

export const asLongAsQueue = defineCase({
  id: 'virtio/split-ring/indirect-table-as-long-as-the-queue-is-served',
  title: 'a request in an indirect table of as many descriptors as the queue has, the most that is lawful, is served',
  proves: { 'indirect/table-served-like-chain': 'indirect-table-of-queue-size-refused' },
  applies: { start: 'negotiated', negotiate },
  variants: { size: [4, 16] },
  run({ driver, ring, variant, requirement }) {
    const { size } = variant;
    const queue = driver.attach(ring({ size }), { indirect: true });
    const check = requirement('indirect/table-served-like-chain');
    for (const seed of [1, 2]) {
      const request = driver.request({ seed, descriptors: size });
      check.presumes(request.segments.length === size, `a request of ${size} descriptors`);
      queue.makeAvailable([request.segments], { indirect: 'all' });
      const [used] = queue.kickAndWaitForUsed(1);
      check.equal(request.problem(used?.len), undefined, `what is wrong with a request of ${size} descriptors`);
    }
  },
});

export const writeFlag = defineCase({
  id: 'virtio/split-ring/indirect-write-flag-is-ignored',
  title: 'the WRITE flag of the descriptor that refers to a table has no effect',
  proves: { 'indirect/write-flag-ignored': 'indirect-write-flag-heeded' },
  applies: { start: 'negotiated', negotiate, ring: 'split' },
  unwatched: 'it writes the descriptor table or the available ring itself',
  run({ driver, ring, requirement }) {
    const queue = driver.attach(ring({ size: 8 }), { indirect: true });
    const request = driver.request(cut);
    const head = queue.driver.add(request.segments, { indirect: 'all' });
    queue.ring.writeDescriptor(Number(head), { flags: INDIRECT | WRITE });
    queue.driver.publish();
    const [used] = queue.kickAndWaitForUsed(1);
    const check = requirement('indirect/write-flag-ignored');
    isLengthOf(request, check, queue, used?.len, 'len of the used element');
    check.equal(request.problem(), undefined, 'what is wrong with the request');
  },
});

export const directThenIndirect = defineCase({
  id: 'virtio/split-ring/direct-then-indirect-is-handled',
  title: 'direct descriptors followed by one that refers to a table form one chain',
  proves: { 'indirect/direct-then-indirect-handled': 'indirect-after-direct-refused' },
  applies: { start: 'negotiated', negotiate, ring: 'split' },
  run({ driver, ring, requirement }) {
    const queue = driver.attach(ring({ size: 16 }), { indirect: true });
    const check = requirement('indirect/direct-then-indirect-handled');
    for (const direct of [1, 2]) {
      const request = driver.request({ seed: direct, ...cut });
      queue.makeAvailable([request.segments], { indirect: direct });
      const [used] = queue.kickAndWaitForUsed(1);
      isLengthOf(request, check, queue, used?.len, `len of the used element with ${direct} direct descriptors`);
      check.equal(request.problem(), undefined, `what is wrong with the request with ${direct} direct descriptors`);
    }
  },
});

const flagsOf = ({ ring, places }: LaidOut, flags: number): void => ring.writeDescriptor(places[0] ?? 0, { flags });

export const badTableLength = defineCase({
  id: 'virtio/split-ring/indirect-bad-table-length-is-survived',
  title:
    'an indirect table that is empty, no multiple of 16 bytes, longer than the queue, or in no memory, is survived',
  proves: { 'indirect/bad-table-length-survived': 'bad-indirect-table-length-crashes' },
  applies: { start: 'closed', negotiate, ring: 'split' },
  unwatched: 'it writes the descriptor table or the available ring itself',
  run(context) {
    const check = context.requirement('indirect/bad-table-length-survived');
    const lengths = [0, 1, 15, 17, 33, 4096 * 16, 0xffff_fff0, 0xffff_ffff].map((len) => ({
      key: `len=${len}`,
      fields: { len },
    }));
    const nowhere = [0xffff_0000_0000_0000n, 0xffff_ffff_ffff_fff0n].map((addr) => ({
      key: `addr=0x${addr.toString(16)}`,
      fields: { addr, len: 32 },
    }));
    const all = [...lengths, ...nowhere].map(({ key, fields }) => ({
      key,
      add: { indirect: 'all' } as const,
      lay: ({ ring, places }: LaidOut) => ring.writeDescriptor(places[0] ?? 0, fields),
    }));
    eachSurvivedOnSplit(context, check, all);
  },
});

export const withNext = defineCase({
  id: 'virtio/split-ring/indirect-with-next-is-survived',
  title: 'a descriptor with both INDIRECT and NEXT is survived',
  proves: { 'indirect/indirect-with-next-survived': 'indirect-with-next-crashes' },
  applies: { start: 'closed', negotiate, ring: 'split' },
  unwatched: 'it writes the descriptor table or the available ring itself',
  run(context) {
    const check = context.requirement('indirect/indirect-with-next-survived');
    const all = [INDIRECT | NEXT, INDIRECT | NEXT | WRITE].map((flags) => ({
      key: `flags=${flags}`,
      add: { indirect: 'all' } as const,
      lay: (laid: LaidOut) => flagsOf(laid, flags),
    }));
    eachSurvivedOnSplit(context, check, all);
  },
});

interface Entry {
  readonly flags?: number;
  readonly next?: number;
}

/**
 * A table with the descriptors of the sound chain in it, of which some entries are then changed; the entry `nested`
 * refers to the table itself. The chain is one descriptor that refers to the table.
 */
function brokenTable(
  key: string,
  allocate: () => Span,
  broken: Readonly<Record<number, Entry>>,
  nested?: number,
): Breakage {
  let table: Span | undefined;
  return {
    key,
    chain: () => {
      table = allocate();
      return [readable(table)];
    },
    lay: ({ ring, places, sound }) => {
      if (table === undefined) return;
      const { buffer, byteOffset, length } = table.bytes;
      const view = new DataView(buffer, byteOffset, length);
      const write = (entry: number, { addr, len, flags, next }: Descriptor): void => {
        view.setBigUint64(entry * 16, addr, true);
        view.setUint32(entry * 16 + 8, len, true);
        view.setUint16(entry * 16 + 12, flags, true);
        view.setUint16(entry * 16 + 14, next, true);
      };
      const head = places[0] ?? 0;
      ring.writeDescriptor(head, { flags: INDIRECT });
      for (let entry = 0; entry < length / 16; entry++) {
        const from = ring.readDescriptor(sound[entry % sound.length] ?? 0);
        const isLast = entry === length / 16 - 1;
        write(entry, { ...from, flags: isLast ? from.flags & ~NEXT : from.flags | NEXT, next: isLast ? 0 : entry + 1 });
        const changed = broken[entry];
        if (changed?.flags !== undefined) view.setUint16(entry * 16 + 12, changed.flags, true);
        if (changed?.next !== undefined) view.setUint16(entry * 16 + 14, changed.next, true);
      }
      if (nested !== undefined) write(nested, { ...ring.readDescriptor(head), flags: INDIRECT, next: 0 });
    },
  };
}

export const tableLoop = defineCase({
  id: 'virtio/split-ring/indirect-table-loop-is-survived',
  title: 'an indirect table whose next fields loop or point outside it is survived',
  proves: { 'indirect/table-loop-survived': 'indirect-table-loop-crashes' },
  applies: { start: 'closed', negotiate, ring: 'split' },
  unwatched: 'it writes the descriptor table or the available ring itself',
  run(context) {
    const { guest } = context;
    const check = context.requirement('indirect/table-loop-survived');
    const table = (): Span => guest.allocate({ size: 64 });
    const all = [
      brokenTable('head-to-itself', table, { 0: { next: 0 } }),
      brokenTable('second-to-head', table, { 1: { next: 0 } }),
      brokenTable('last-to-itself', table, { 3: { flags: NEXT, next: 3 } }),
      brokenTable('next-at-end', table, { 3: { flags: NEXT, next: 4 } }),
      brokenTable('next-in-ring-table', table, { 1: { next: 7 } }),
      brokenTable('next-far', table, { 0: { next: 0xffff } }),
    ];
    eachSurvivedOnSplit(context, check, all);
  },
});

export const nestedTable = defineCase({
  id: 'virtio/split-ring/indirect-nested-table-is-survived',
  title: 'an indirect descriptor inside an indirect table is survived',
  proves: { 'indirect/nested-table-survived': 'nested-indirect-table-crashes' },
  applies: { start: 'closed', negotiate, ring: 'split' },
  unwatched: 'it writes the descriptor table or the available ring itself',
  run(context) {
    const { guest } = context;
    const check = context.requirement('indirect/nested-table-survived');
    const all = [
      brokenTable('refers-to-itself', () => guest.allocate({ size: 64 }), {}, 1),
      brokenTable('refers-to-itself-in-short-table', () => guest.allocate({ size: 32 }), {}, 1),
      // Who follows it meets no buffer on the way round, and so nothing to count.
      brokenTable('first-entry-refers-to-itself', () => guest.allocate({ size: 64 }), {}, 0),
    ];
    eachSurvivedOnSplit(context, check, all);
  },
});

export const unnegotiated = defineCase({
  id: 'virtio/split-ring/indirect-without-feature-is-survived',
  title: 'a descriptor with the INDIRECT flag is survived where the feature was not negotiated',
  proves: { 'indirect/unnegotiated-table-survived': 'unnegotiated-indirect-table-crashes' },
  applies: { start: 'closed', without: ['VIRTIO_F_INDIRECT_DESC'], ring: 'split' },
  unwatched: 'it writes the descriptor table or the available ring itself',
  run(context) {
    const { guest } = context;
    const check = context.requirement('indirect/unnegotiated-table-survived');
    const all: Breakage[] = [
      brokenTable('sound-table', () => guest.allocate({ size: 64 }), {}),
      { key: 'flag-on-buffer', lay: ({ ring, places }) => ring.writeDescriptor(places[0] ?? 0, { flags: INDIRECT }) },
    ];
    eachSurvivedOnSplit(context, check, all);
  },
});
