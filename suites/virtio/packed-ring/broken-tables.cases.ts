import type { Span } from '../../../reference-impl/memory/span.ts';
import { availableBits } from '../../../reference-impl/virtqueue/packed/layout.ts';
import { readable } from '../../../reference-impl/virtqueue/segment.ts';
import { defineCase } from '../../case.ts';
import { bearable } from '../broken-chain.ts';
import { type Breakage, eachSurvived, type LaidOut } from './broken-list.ts';
import { entriesOf, fillTable } from './indirect-table.ts';
import { INDIRECT, NEXT, WRITE } from './list-flags.ts';

/** Indirect descriptors that break a rule of the driver (virtio 2.8.7, 2.8.19). */

const negotiate = ['VIRTIO_F_INDIRECT_DESC'] as const;
const applies = { start: 'closed', ring: 'packed', negotiate } as const;

const headSlot = ({ places }: LaidOut): number => places[0]?.slot ?? 0;

export const badTableLength = defineCase({
  id: 'virtio/packed-ring/indirect-bad-table-length-is-survived',
  title:
    'an indirect table that is empty, no multiple of 16 bytes, longer than the queue, or in no memory, is survived',
  proves: { 'packed-indirect/bad-table-length-survived': 'bad-indirect-table-length-crashes' },
  applies,
  unwatched: 'it writes descriptors itself',
  run(context) {
    const check = context.requirement('packed-indirect/bad-table-length-survived');
    const lengths = [0, 1, 15, 17, 33, 4096 * 16, 0xffff_fff0, 0xffff_ffff].map((len) => ({
      key: `len=${len}`,
      fields: { len },
    }));
    const nowhere = [0xffff_0000_0000_0000n, 0xffff_ffff_ffff_fff0n].map((addr) => ({
      key: `addr=0x${addr.toString(16)}`,
      fields: { addr, len: 32 },
    }));
    const all = [...lengths, ...nowhere].map(
      ({ key, fields }): Breakage => ({
        key,
        add: { indirect: 'all' },
        lay: (laid) => laid.ring.writeDescriptor(headSlot(laid), fields),
      }),
    );
    eachSurvived(context, check, all);
  },
});

export const withNext = defineCase({
  id: 'virtio/packed-ring/indirect-with-next-is-survived',
  title: 'a descriptor with both INDIRECT and NEXT is survived, alone and in a list',
  proves: {
    'packed-indirect/indirect-with-next-survived': [
      'packed-indirect-with-next-crashes',
      'packed-indirect-with-next-carried-out',
    ],
  },
  applies,
  unwatched: 'it writes descriptors itself',
  run(context) {
    const check = context.requirement('packed-indirect/indirect-with-next-survived');
    const table = context.guest.allocate({ size: 16 });
    const all: Breakage[] = [
      {
        key: 'first-of-list',
        chain: (driver) => [readable(table), ...driver.request({ seed: 2, descriptors: 4 }).segments],
        lay: ({ ring, places: [head, ...list] }) => {
          fillTable(table, entriesOf(ring, list.slice(0, 1)));
          const slot = head?.slot ?? 0;
          ring.writeDescriptor(slot, { flags: ring.flags(slot) | INDIRECT });
        },
      },
      ...[INDIRECT | NEXT, INDIRECT | NEXT | WRITE].map(
        (flags): Breakage => ({
          key: `flags=${flags}`,
          add: { indirect: 'all' },
          lay: (laid) => laid.ring.writeDescriptor(headSlot(laid), { flags: flags | availableBits(1) }),
        }),
      ),
      {
        key: 'second-of-list',
        lay: ({ ring, places }) => {
          const slot = places[1]?.slot ?? 0;
          ring.writeDescriptor(slot, { len: 16, flags: ring.flags(slot) | INDIRECT });
        },
      },
      {
        key: 'last-of-list',
        lay: ({ ring, places }) => {
          const slot = places.at(-1)?.slot ?? 0;
          ring.writeDescriptor(slot, { len: 16, flags: INDIRECT | availableBits(1) });
        },
      },
    ];
    eachSurvived(context, check, all);
  },
});

/** A table with the entries of the sound list in it, over and over, and `lay` to break it. */
function table(key: string, allocate: () => Span, lay?: (laid: LaidOut, bytes: Uint8Array) => void): Breakage {
  let span: Span | undefined;
  return {
    key,
    chain: () => {
      span = allocate();
      return [readable(span)];
    },
    lay: (laid) => {
      if (span === undefined) return;
      const entries = entriesOf(laid.ring, laid.sound);
      const count = span.length / 16;
      fillTable(
        span,
        Array.from(
          { length: count },
          (_, at) => entries[Math.min(at, entries.length - 1)] ?? { addr: 0n, len: 0, id: 0, flags: 0 },
        ),
      );
      laid.ring.writeDescriptor(headSlot(laid), { flags: INDIRECT | availableBits(1) });
      lay?.(laid, span.bytes);
    },
  };
}

/** Makes an entry refer to the table that it stands in. */
function refersToItself(entry: number): (laid: LaidOut, bytes: Uint8Array) => void {
  return (laid, bytes) => {
    const { addr, len } = laid.ring.readDescriptor(headSlot(laid));
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    view.setBigUint64(entry * 16, addr, true);
    view.setUint32(entry * 16 + 8, len, true);
    view.setUint16(entry * 16 + 14, INDIRECT, true);
  };
}

export const nestedTable = defineCase({
  id: 'virtio/packed-ring/indirect-nested-table-is-survived',
  title: 'an indirect descriptor inside an indirect table is survived',
  proves: { 'packed-indirect/nested-table-survived': 'packed-nested-indirect-table-crashes' },
  applies,
  unwatched: 'it writes descriptors itself',
  run(context) {
    const { guest } = context;
    const check = context.requirement('packed-indirect/nested-table-survived');
    const all = [
      table('first-refers-to-the-table', () => guest.allocate({ size: 64 }), refersToItself(0)),
      table('second-refers-to-the-table', () => guest.allocate({ size: 64 }), refersToItself(1)),
      table('last-refers-to-the-table', () => guest.allocate({ size: 32 }), refersToItself(1)),
    ];
    eachSurvived(context, check, all.map(bearable));
  },
});

export const unnegotiated = defineCase({
  id: 'virtio/packed-ring/indirect-without-feature-is-survived',
  title: 'a descriptor with the INDIRECT flag is survived where the feature was not negotiated',
  proves: { 'packed-indirect/unnegotiated-table-survived': 'packed-unnegotiated-indirect-table-crashes' },
  applies: { start: 'closed', ring: 'packed', without: negotiate },
  unwatched: 'it writes descriptors itself',
  run(context) {
    const { guest } = context;
    const check = context.requirement('packed-indirect/unnegotiated-table-survived');
    const all: Breakage[] = [
      table('sound-table', () => guest.allocate({ size: 64 })),
      {
        key: 'flag-on-buffer',
        lay: (laid) => laid.ring.writeDescriptor(headSlot(laid), { flags: INDIRECT | availableBits(1) }),
      },
    ];
    eachSurvived(context, check, all);
  },
});
