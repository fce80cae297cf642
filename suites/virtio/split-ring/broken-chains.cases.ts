import { readable, writable } from '../../../reference-impl/virtqueue/segment.ts';
import { defineCase } from '../../case.ts';
import {
  type Breakage,
  bearable,
  eachSurvivedOnSplit,
  emptyBuffers,
  type LaidOut,
  survivesOnSplit,
} from '../broken-chain.ts';
import { presumesService } from '../running-queue.ts';

/** Chains that break a rule of the driver: the text leaves open what becomes of them, a device must only survive. */

const NEXT = 1;
const WRITE = 2;

/** Place in the table of a descriptor at an end of a chain. */
const placeAt = (places: readonly number[], end: 'first' | 'last'): number =>
  (end === 'first' ? places[0] : places.at(-1)) ?? 0;

export const headOutOfRange = defineCase({
  id: 'virtio/split-ring/head-out-of-range-is-survived',
  title: 'an available head at or above the queue size is survived',
  proves: { 'split/head-out-of-range-survived': ['head-out-of-range-crashes', 'head-out-of-range-used-for-ever'] },
  applies: { start: 'closed', ring: 'split' },
  unwatched: 'it writes the descriptor table or the available ring itself',
  run(context) {
    const check = context.requirement('split/head-out-of-range-survived');
    const all = [16, 17, 31, 255, 256, 0x7fff, 0x8000, 0xffff].map(
      (head): Breakage => ({
        key: `head=${head}`,
        lay: ({ ring, slot }) => ring.setAvailHead(slot, head),
      }),
    );
    eachSurvivedOnSplit(context, check, all);
  },
});

export const nextOutOfRange = defineCase({
  id: 'virtio/split-ring/next-out-of-range-is-survived',
  title: 'a next field at or above the queue size is survived',
  proves: { 'split/next-out-of-range-survived': 'next-out-of-range-crashes' },
  applies: { start: 'closed', ring: 'split' },
  unwatched: 'it writes the descriptor table or the available ring itself',
  run(context) {
    const check = context.requirement('split/next-out-of-range-survived');
    const all = [16, 17, 255, 0x7fff, 0x8000, 0xffff].flatMap((next) =>
      (['first', 'last'] as const).map(
        (which): Breakage => ({
          key: `${which},next=${next}`,
          lay: ({ ring, places }) => {
            const at = placeAt(places, which);
            ring.writeDescriptor(at, { flags: ring.readDescriptor(at).flags | NEXT, next });
          },
        }),
      ),
    );
    eachSurvivedOnSplit(context, check, all);
  },
});

export const loops = defineCase({
  id: 'virtio/split-ring/descriptor-loop-is-survived',
  title: 'a chain that comes back to one of its own descriptors is survived',
  proves: { 'split/descriptor-loop-survived': 'descriptor-loop-hangs' },
  applies: { start: 'closed', ring: 'split' },
  unwatched: 'it writes the descriptor table or the available ring itself',
  run(context) {
    const check = context.requirement('split/descriptor-loop-survived');
    const from = (at: (places: readonly number[]) => number, to: (places: readonly number[]) => number) => ({
      lay: ({ ring, places }: LaidOut): void => {
        const place = at(places);
        ring.writeDescriptor(place, { flags: ring.readDescriptor(place).flags | NEXT, next: to(places) });
      },
    });
    const first = (places: readonly number[]): number => places[0] ?? 0;
    const second = (places: readonly number[]): number => places[1] ?? 0;
    const last = (places: readonly number[]): number => places.at(-1) ?? 0;
    const all: Breakage[] = [
      { key: 'head-to-itself', ...from(first, first) },
      { key: 'second-to-head', ...from(second, first) },
      { key: 'last-to-itself', ...from(last, last) },
      { key: 'last-to-head', ...from(last, first) },
      { key: 'last-to-sound-chain', isBearable: true, ...from(last, () => 0) },
    ];
    eachSurvivedOnSplit(context, check, all);
  },
});

export const emptyLoops = defineCase({
  id: 'virtio/split-ring/loop-of-empty-descriptors-is-survived',
  title: 'a chain of descriptors of length 0 that comes back to one of its own is survived',
  proves: { 'split/descriptor-loop-survived': 'empty-descriptors-hang' },
  applies: { start: 'closed', ring: 'split' },
  unwatched: 'it writes the descriptor table or the available ring itself',
  run(context) {
    const check = context.requirement('split/descriptor-loop-survived');
    const all = (['all', 'last'] as const).flatMap((which) =>
      ['first', 'itself'].map(
        (to): Breakage => ({
          key: `empty=${which},last-to-${to}`,
          chain: (driver) => driver.chain({ seed: 2, descriptors: 4 }),
          lay: ({ ring, places }) => {
            const last = places.at(-1) ?? 0;
            for (const place of which === 'all' ? places : [last]) ring.writeDescriptor(place, { len: 0 });
            const { flags } = ring.readDescriptor(last);
            ring.writeDescriptor(last, { flags: flags | NEXT, next: to === 'first' ? (places[0] ?? 0) : last });
          },
        }),
      ),
    );
    eachSurvivedOnSplit(context, check, all);
  },
});

export const unmapped = defineCase({
  id: 'virtio/split-ring/unmapped-buffer-is-survived',
  title: 'a buffer where no memory is, that leaves its region, or that wraps the address space, is survived',
  proves: { 'split/unmapped-buffer-survived': 'unmapped-buffer-crashes' },
  applies: { start: 'closed', ring: 'split' },
  unwatched: 'it writes the descriptor table or the available ring itself',
  run(context) {
    const check = context.requirement('split/unmapped-buffer-survived');
    const { guest } = context;
    const high = (1n << 64n) - 1n;
    const addresses = [
      { key: 'nowhere', addr: 0xdead_0000_0000n },
      { key: 'null', addr: 0n },
      { key: 'sign-bit', addr: 1n << 63n },
      { key: 'last-byte', addr: high },
      { key: 'wraps', addr: high - 7n },
    ];
    const which = ['first', 'last'] as const;
    const all = [
      ...addresses.flatMap(({ key, addr }) =>
        which.map(
          (end): Breakage => ({
            key: `${end},${key}`,
            lay: ({ ring, places }) => ring.writeDescriptor(placeAt(places, end), { addr }),
          }),
        ),
      ),
      ...which.map(
        (end): Breakage => ({
          key: `${end},4gib-long`,
          lay: ({ ring, places }) => ring.writeDescriptor(placeAt(places, end), { len: 0xffff_ffff }),
        }),
      ),
      ...[1, 4096].map(
        (beyond): Breakage => ({
          key: `region-end+${beyond}`,
          // What an address travels as is the driver's to know: a sound chain at the region's end, then made longer.
          chain: (driver) => [
            readable(guest.allocate({ size: 64, at: 'region-end' })),
            ...driver.request().segments.slice(1),
          ],
          lay: ({ ring, places }) => {
            const at = places[0] ?? 0;
            ring.writeDescriptor(at, { len: ring.readDescriptor(at).len + beyond });
          },
        }),
      ),
    ];
    eachSurvivedOnSplit(context, check, all);
  },
});

export const empty = defineCase({
  id: 'virtio/split-ring/empty-descriptor-is-survived',
  title: 'descriptors of length 0 at any place of a chain are survived',
  proves: { 'split/empty-descriptor-survived': 'empty-descriptor-crashes' },
  applies: { start: 'closed', ring: 'split' },
  unwatched: 'it writes the descriptor table or the available ring itself',
  run(context) {
    const check = context.requirement('split/empty-descriptor-survived');
    const emptied = (
      key: string,
      pick: (places: readonly number[]) => readonly number[],
      chain?: Breakage['chain'],
    ): Breakage => ({
      key,
      ...(chain === undefined ? {} : { chain }),
      lay: ({ ring, places }) => {
        for (const at of pick(places)) ring.writeDescriptor(at, { len: 0 });
      },
    });
    const all = [
      emptied('first', (places) => places.slice(0, 1)),
      emptied('second', (places) => places.slice(1, 2)),
      emptied('last', (places) => places.slice(-1)),
      emptied('all', (places) => places),
      ...emptyBuffers(context.guest).map(({ key, chain }) => emptied(key, (places) => places, chain)),
    ];
    eachSurvivedOnSplit(context, check, all.map(bearable));
  },
});

export const order = defineCase({
  id: 'virtio/split-ring/writable-before-readable-is-survived',
  title: 'a chain with a device-writable descriptor before a readable one is survived',
  proves: { 'split/writable-before-readable-survived': 'writable-before-readable-crashes' },
  applies: { start: 'closed', ring: 'split' },
  unwatched: 'it writes the descriptor table or the available ring itself',
  run(context) {
    const check = context.requirement('split/writable-before-readable-survived');
    const { guest } = context;
    const piece = (): ReturnType<typeof guest.allocate> => guest.allocate({ size: 32 });
    const all: Breakage[] = [
      { key: 'writable-readable', chain: () => [writable(piece()), readable(piece())] },
      { key: 'readable-writable-readable', chain: () => [readable(piece()), writable(piece()), readable(piece())] },
      {
        key: 'first-flag-set',
        isBearable: true,
        lay: ({ ring, places }) => {
          const at = places[0] ?? 0;
          ring.writeDescriptor(at, { flags: ring.readDescriptor(at).flags | WRITE });
        },
      },
    ];
    eachSurvivedOnSplit(context, check, all);
  },
});

/** How often the same broken ring is shown to a device. */
const rounds = 6;
/** On a slow machine only the first round of each point comes behind so much time. */
const roundsWithinMs = 15_000;

export const availIdxJump = defineCase({
  id: 'virtio/split-ring/avail-idx-jump-is-survived',
  title: 'an available idx that moves by more than the queue size, or backwards, is survived',
  proves: {
    'split/avail-idx-jump-survived': [
      'avail-idx-jump-crashes',
      'avail-idx-jump-hangs',
      'avail-idx-jump-served-for-ever',
    ],
  },
  applies: { start: 'closed', ring: 'split' },
  unwatched: 'it writes the descriptor table or the available ring itself',
  run(context) {
    const check = context.requirement('split/avail-idx-jump-survived');
    const all = [17, 32, 256, 0x7fff, 0x8000, 0xffff].map(
      (idx): Breakage => ({
        key: `idx=${idx}`,
        show: (ring) => ring.setAvailIdx(idx),
      }),
    );
    presumesService(context, check);
    const began = context.port.nowMs();
    // What a device finds in places that it must not read differs from run to run.
    const show = (point: Breakage): void => {
      const before = check.failures.length;
      const goesOn = (): boolean => check.failures.length === before && context.port.nowMs() - began < roundsWithinMs;
      let round = 0;
      do survivesOnSplit(context, check, point);
      while (++round < rounds && goesOn());
    };
    context.points(all, show, { untilFirstFailure: true });
    // It may have written beyond tables of its own without a sign: what comes of that is no other case's finding.
    const isFresh = check.failures.some(({ how }) => how === 'crash');
    if (!isFresh && context.port.facts.capabilities.includes('restart')) context.port.iut.restart();
  },
});
