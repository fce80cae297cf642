import { availableBits, usedBits } from '../../../reference-impl/virtqueue/packed/layout.ts';
import { readable, writable } from '../../../reference-impl/virtqueue/segment.ts';
import { defineCase } from '../../case.ts';
import { bearable, emptyBuffers } from '../broken-chain.ts';
import { type Breakage, eachSurvived, type LaidOut } from './broken-list.ts';
import { NEXT, WRITE } from './list-flags.ts';
import { markBits } from './place.ts';

/** Lists that break a rule of the driver: the text leaves open what becomes of them, a device must only survive. */

const applies = { start: 'closed', ring: 'packed' } as const;
const ends = ['first', 'last'] as const;

/** The slot of the first or the last descriptor of the broken list. */
const slotAt = ({ places }: LaidOut, end: (typeof ends)[number]): number =>
  (end === 'first' ? places[0] : places.at(-1))?.slot ?? 0;

function addFlags(laid: LaidOut, slot: number, flags: number): void {
  laid.ring.writeDescriptor(slot, { flags: laid.ring.flags(slot) | flags });
}

export const idOutOfRange = defineCase({
  id: 'virtio/packed-ring/id-out-of-range-is-survived',
  title: 'a buffer id at or above the queue size is survived',
  proves: { 'packed/id-out-of-range-survived': 'packed-id-out-of-range-crashes' },
  applies,
  unwatched: 'it writes descriptors itself',
  run(context) {
    const check = context.requirement('packed/id-out-of-range-survived');
    const all = [16, 17, 31, 255, 256, 0x7fff, 0x8000, 0xffff].map(
      (id): Breakage => ({
        key: `id=${id}`,
        lay: (laid) => laid.ring.writeDescriptor(slotAt(laid, 'last'), { id }),
      }),
    );
    eachSurvived(context, check, all.map(bearable));
  },
});

export const duplicateId = defineCase({
  id: 'virtio/packed-ring/duplicate-id-is-survived',
  title: 'a list with the buffer id of another one that is outstanding is survived',
  proves: { 'packed/duplicate-id-survived': 'packed-duplicate-id-crashes' },
  applies,
  unwatched: 'it writes descriptors itself',
  run(context) {
    const check = context.requirement('packed/duplicate-id-survived');
    const all: Breakage[] = [
      {
        key: 'id-of-list-before',
        lay: (laid) => {
          const { id } = laid.ring.readDescriptor(laid.sound.at(-1)?.slot ?? 0);
          laid.ring.writeDescriptor(slotAt(laid, 'last'), { id });
        },
      },
      {
        key: 'one-id-everywhere',
        lay: (laid) => {
          for (const { slot } of [...laid.sound, ...laid.places]) laid.ring.writeDescriptor(slot, { id: 5 });
        },
      },
    ];
    eachSurvived(context, check, all.map(bearable));
  },
});

export const unterminated = defineCase({
  id: 'virtio/packed-ring/unterminated-list-is-survived',
  title: 'a list that runs on into descriptors that are not available, used, or its own, is survived',
  proves: {
    'packed/unterminated-list-survived': ['packed-unterminated-list-crashes', 'packed-broken-list-uses-all-slots'],
  },
  applies,
  unwatched: 'it writes descriptors itself',
  run(context) {
    const check = context.requirement('packed/unterminated-list-survived');
    const behind = (laid: LaidOut): number => (slotAt(laid, 'last') + 1) % laid.ring.size;
    const all: Breakage[] = [
      { key: 'into-zeroed-descriptors', lay: (laid) => addFlags(laid, slotAt(laid, 'last'), NEXT) },
      {
        key: 'into-used-descriptor',
        lay: (laid) => {
          addFlags(laid, slotAt(laid, 'last'), NEXT);
          laid.ring.writeDescriptor(behind(laid), { flags: usedBits(1) });
        },
      },
      {
        key: 'into-descriptor-of-other-lap',
        lay: (laid) => {
          addFlags(laid, slotAt(laid, 'last'), NEXT);
          laid.ring.writeDescriptor(behind(laid), { flags: availableBits(0) });
        },
      },
    ];
    eachSurvived(context, check, all);
  },
});

export const endless = defineCase({
  id: 'virtio/packed-ring/list-longer-than-queue-is-survived',
  title: 'descriptors that all have NEXT, round the whole ring, are survived and do not keep the device busy',
  proves: { 'packed/list-longer-than-queue-survived': 'packed-endless-list-hangs' },
  applies,
  unwatched: 'it writes descriptors itself',
  run(context) {
    const check = context.requirement('packed/list-longer-than-queue-survived');
    /** Every descriptor of the ring is like the last one of the broken list, and has NEXT. */
    const everywhere = (laid: LaidOut, wrap: (slot: number) => 0 | 1): void => {
      const { ring, places } = laid;
      const { addr, len, flags } = ring.readDescriptor(slotAt(laid, 'last'));
      const from = places[0]?.slot ?? 0;
      for (let slot = 0; slot < ring.size; slot++) {
        const isSound = slot < from;
        if (!isSound)
          ring.writeDescriptor(slot, { addr, len, flags: (flags & ~markBits) | NEXT | availableBits(wrap(slot)) });
      }
    };
    const all: Breakage[] = [
      { key: 'behind-sound-list', lay: (laid) => everywhere(laid, () => 1) },
      {
        key: 'round-the-ring',
        lay: (laid) => {
          everywhere(laid, () => 1);
          // The sound list too, so that no descriptor ends a list.
          for (const { slot } of laid.sound) addFlags(laid, slot, NEXT);
        },
        shown: (laid) => addFlags(laid, laid.sound[0]?.slot ?? 0, NEXT),
      },
    ];
    eachSurvived(context, check, all);
  },
});

export const endlessEmpty = defineCase({
  id: 'virtio/packed-ring/list-of-empty-descriptors-without-end-is-survived',
  title:
    'descriptors of length 0 that all have NEXT, round the whole ring, are survived and do not keep the device busy',
  proves: { 'packed/list-longer-than-queue-survived': 'empty-descriptors-hang' },
  applies,
  unwatched: 'it writes descriptors itself',
  run(context) {
    const check = context.requirement('packed/list-longer-than-queue-survived');
    const all = (['sound-list-ends', 'round-the-ring'] as const).flatMap((key) =>
      (['all', 'behind-first'] as const).map(
        (empty): Breakage => ({
          key: `${key},empty=${empty}`,
          lay: ({ ring, places, sound }) => {
            const head = places[0]?.slot ?? 0;
            const { addr, len, flags } = ring.readDescriptor(head);
            for (let slot = head; slot < ring.size; slot++) {
              const isEmpty = empty === 'all' || slot !== head;
              const marked = (flags & ~(markBits | WRITE)) | NEXT | availableBits(1);
              ring.writeDescriptor(slot, { addr, len: isEmpty ? 0 : len, flags: marked });
            }
            if (key === 'round-the-ring') {
              for (const { slot } of sound) ring.writeDescriptor(slot, { len: 0 });
            }
          },
          shown: ({ ring, sound }) => {
            if (key === 'round-the-ring') {
              for (const { slot } of sound) ring.writeDescriptor(slot, { flags: ring.flags(slot) | NEXT });
            }
          },
        }),
      ),
    );
    eachSurvived(context, check, all);
  },
});

export const undefinedBits = defineCase({
  id: 'virtio/packed-ring/undefined-flag-bits-are-survived',
  title: 'flag bits of an available descriptor that the text does not define are survived',
  proves: { 'packed/undefined-flag-bits-survived': 'packed-undefined-flag-bits-crash' },
  applies,
  unwatched: 'it writes descriptors itself',
  run(context) {
    const check = context.requirement('packed/undefined-flag-bits-survived');
    const all = [0x0008, 0x0010, 0x0020, 0x0040, 0x0100, 0x0400, 0x4000, 0x7f78].flatMap((bits) =>
      ends.map(
        (end): Breakage => ({
          key: `${end},bits=0x${bits.toString(16)}`,
          lay: (laid) => addFlags(laid, slotAt(laid, end), bits),
        }),
      ),
    );
    eachSurvived(context, check, all.map(bearable));
  },
});

export const mixedWrapBits = defineCase({
  id: 'virtio/packed-ring/mixed-wrap-bits-are-survived',
  title: 'a list whose later descriptors are marked for the other lap, or as used, is survived',
  proves: { 'packed/mixed-wrap-bits-survived': 'packed-mixed-wrap-bits-crash' },
  applies,
  unwatched: 'it writes descriptors itself',
  run(context) {
    const check = context.requirement('packed/mixed-wrap-bits-survived');
    const marks = { 'other-lap': availableBits(0), used: usedBits(1), 'used-in-other-lap': usedBits(0) };
    const all = Object.entries(marks).flatMap(([key, bits]) =>
      [1, 2].map(
        (first): Breakage => ({
          key: `${key},from=${first}`,
          lay: ({ ring, places }) => {
            for (const { slot } of places.slice(first)) {
              ring.writeDescriptor(slot, { flags: (ring.flags(slot) & ~markBits) | bits });
            }
          },
        }),
      ),
    );
    eachSurvived(context, check, all);
  },
});

export const takenBack = defineCase({
  id: 'virtio/packed-ring/taken-back-descriptor-is-survived',
  title: 'descriptors that the driver changes, or takes back, once they are available, are survived',
  proves: { 'packed/taken-back-descriptor-survived': 'packed-taken-back-descriptor-crashes' },
  applies,
  unwatched: 'it writes descriptors itself',
  run(context) {
    const check = context.requirement('packed/taken-back-descriptor-survived');
    const all: Breakage[] = [
      {
        key: 'list-taken-back',
        shown: ({ ring, places }) => {
          for (const { slot } of places) ring.writeDescriptor(slot, { flags: 0 });
        },
      },
      {
        key: 'marked-used-by-the-driver',
        shown: (laid) => laid.ring.writeDescriptor(slotAt(laid, 'first'), { flags: usedBits(1) }),
      },
      {
        key: 'address-and-length-changed',
        shown: ({ ring, places }) => {
          for (const { slot } of places.slice(1)) ring.writeDescriptor(slot, { addr: 0n, len: 0xffff_ffff });
        },
      },
      {
        key: 'flipped-often',
        shown: (laid) => {
          const slot = slotAt(laid, 'first');
          const { flags } = laid.ring.readDescriptor(slot);
          for (let n = 0; n < 500; n++)
            laid.ring.writeDescriptor(slot, { flags: n % 2 === 0 ? flags ^ markBits : flags });
        },
      },
    ];
    eachSurvived(context, check, all.map(bearable));
  },
});

export const unmapped = defineCase({
  id: 'virtio/packed-ring/unmapped-buffer-is-survived',
  title: 'a buffer where no memory is, that leaves its region, or that wraps the address space, is survived',
  proves: { 'packed/unmapped-buffer-survived': 'unmapped-buffer-crashes' },
  applies,
  unwatched: 'it writes descriptors itself',
  run(context) {
    const check = context.requirement('packed/unmapped-buffer-survived');
    const { guest } = context;
    const high = (1n << 64n) - 1n;
    const changes = {
      nowhere: { addr: 0xdead_0000_0000n },
      null: { addr: 0n },
      'sign-bit': { addr: 1n << 63n },
      'last-byte': { addr: high },
      wraps: { addr: high - 7n },
      '4gib-long': { len: 0xffff_ffff },
    };
    const all = [
      ...Object.entries(changes).flatMap(([key, change]) =>
        ends.map(
          (end): Breakage => ({
            key: `${end},${key}`,
            lay: (laid) => laid.ring.writeDescriptor(slotAt(laid, end), change),
          }),
        ),
      ),
      ...[1, 4096].map(
        (beyond): Breakage => ({
          key: `region-end+${beyond}`,
          // What an address travels as is the driver's to know: a sound list at the region's end, then made longer.
          chain: (driver) => [
            readable(guest.allocate({ size: 64, at: 'region-end' })),
            ...driver.request().segments.slice(1),
          ],
          lay: (laid) => {
            const slot = slotAt(laid, 'first');
            laid.ring.writeDescriptor(slot, { len: laid.ring.readDescriptor(slot).len + beyond });
          },
        }),
      ),
    ];
    eachSurvived(context, check, all);
  },
});

export const empty = defineCase({
  id: 'virtio/packed-ring/empty-descriptor-is-survived',
  title: 'descriptors of length 0 at any place of a list are survived',
  proves: { 'packed/empty-descriptor-survived': 'empty-descriptor-crashes' },
  applies,
  unwatched: 'it writes descriptors itself',
  run(context) {
    const check = context.requirement('packed/empty-descriptor-survived');
    const emptied = (
      key: string,
      pick: (places: LaidOut['places']) => LaidOut['places'],
      chain?: Breakage['chain'],
    ): Breakage => ({
      key,
      ...(chain === undefined ? {} : { chain }),
      lay: ({ ring, places }) => {
        for (const { slot } of pick(places)) ring.writeDescriptor(slot, { len: 0 });
      },
    });
    const all = [
      emptied('first', (places) => places.slice(0, 1)),
      emptied('second', (places) => places.slice(1, 2)),
      emptied('last', (places) => places.slice(-1)),
      emptied('all', (places) => places),
      ...emptyBuffers(context.guest).map(({ key, chain }) => emptied(key, (places) => places, chain)),
    ];
    eachSurvived(context, check, all.map(bearable));
  },
});

export const order = defineCase({
  id: 'virtio/packed-ring/writable-before-readable-is-survived',
  title: 'a list with a device-writable descriptor before a readable one is survived',
  proves: { 'packed/writable-before-readable-survived': 'writable-before-readable-crashes' },
  applies,
  unwatched: 'it writes descriptors itself',
  run(context) {
    const check = context.requirement('packed/writable-before-readable-survived');
    const { guest } = context;
    const piece = (): ReturnType<typeof guest.allocate> => guest.allocate({ size: 32 });
    const all: Breakage[] = [
      { key: 'writable-readable', chain: () => [writable(piece()), readable(piece())] },
      { key: 'readable-writable-readable', chain: () => [readable(piece()), writable(piece()), readable(piece())] },
      { key: 'first-flag-set', isBearable: true, lay: (laid) => addFlags(laid, slotAt(laid, 'first'), WRITE) },
    ];
    eachSurvived(context, check, all);
  },
});
