import type { Guest } from '../../drivers/port/port.ts';
import { defineCase } from '../case.ts';
import { cutRegions, regionsOf, setTable, type TableRegion, tableOf } from './device-memory.ts';
import { setState } from './ring-messages.ts';
import { serves } from './service.ts';

/** Tables of layout L1 that are refused, and what is left of the one before. */

const transports = ['vhost-mdev'] as const;
const applies = { start: 'negotiated', transports, needs: ['layout-l1'] } as const;

const nowhere: TableRegion = { guestAddress: 0x5555_0000n, size: 0x1_0000n, userAddress: 0x5555_0000n };
const asBytes = (bytes: Uint8Array, length: number): Uint8Array => {
  const resized = new Uint8Array(length);
  resized.set(bytes.subarray(0, length));
  return resized;
};

const manyRegions = (guest: Guest, count: number): TableRegion[] =>
  cutRegions(regionsOf([guest]).slice(0, 1), 128).slice(0, count);

function mistoldSizes(guest: Guest): Record<string, Uint8Array> {
  const table = tableOf(regionsOf([guest]));
  return {
    'no bytes': new Uint8Array(),
    'half a header': asBytes(table, 4),
    'a header and no regions': asBytes(table, 8),
    'a byte too few': asBytes(table, table.length - 1),
    'a region too few': asBytes(table, table.length - 32),
    'a byte too many': asBytes(table, table.length + 1),
    'a region too many': asBytes(table, table.length + 32),
  };
}

function emptyRegions(guest: Guest): Record<string, Uint8Array> {
  const [first, ...others] = regionsOf([guest]);
  const empty = { guestAddress: 0x5555_0000n, size: 0n, userAddress: first?.userAddress ?? 0n };
  return {
    first: tableOf([empty, ...regionsOf([guest])]),
    last: tableOf([...regionsOf([guest]), empty]),
    'in place of memory': tableOf([...(first === undefined ? [] : [{ ...first, size: 0n }]), ...others]),
  };
}

function overlaps(guest: Guest): Record<string, Uint8Array> {
  const regions = regionsOf([guest]);
  const [first] = regions;
  if (first === undefined) return {};
  const { size, guestAddress, userAddress } = first;
  const free = 0x5555_0000_0000n;
  return {
    'by guest address, the same': tableOf([...regions, { ...nowhere, guestAddress, size, userAddress }]),
    'by guest address, one page': tableOf([
      ...cutRegions([first], 2),
      { guestAddress: guestAddress + size / 2n - 0x1000n, size: 0x1000n, userAddress: regions[1]?.userAddress ?? 0n },
    ]),
    'by user address, one page': tableOf([first, { guestAddress: free, size: 0x1000n, userAddress }]),
    'by user address, the last page': tableOf([
      first,
      { guestAddress: free, size: 0x1000n, userAddress: userAddress + size - 0x1000n },
    ]),
  };
}

function paddings(guest: Guest): Record<string, Uint8Array> {
  const [first, ...others] = regionsOf([guest]);
  const flagged = (flags: bigint): Uint8Array =>
    tableOf([...(first === undefined ? [] : [{ ...first, flags }]), ...others]);
  return {
    'the padding 1': tableOf(regionsOf([guest]), { padding: 1 }),
    'the padding all ones': tableOf(regionsOf([guest]), { padding: 0xffff_ffff }),
    'the flags 1': flagged(1n),
    'the highest flag': flagged(1n << 63n),
  };
}

export const beyondSixtyFour = defineCase({
  id: 'vhost-mdev/memory-table/more-than-sixty-four-regions-are-refused',
  title: 'a table of more than 64 regions is refused with E2BIG',
  proves: { 'vm-memory/l1-table-beyond-64-refused': 'mdev-table-beyond-64-taken' },
  applies: { ...applies, ring: 'none' },
  run({ session, guest, requirement }) {
    const check = requirement('vm-memory/l1-table-beyond-64-refused');
    for (const count of [65, 100]) {
      check.equal(setTable(session, tableOf(manyRegions(guest, count))), 'E2BIG', `a table of ${count} regions`);
    }
    for (const count of [0x1_0002, 0x8000_0002, 0xffff_ffff]) {
      const refused = setTable(session, tableOf(regionsOf([guest]), { count }));
      // There are not as many behind it: both are wrong with it.
      check.oneOf(refused, ['E2BIG', 'EINVAL'], `a table that says it has ${count} regions`);
    }
  },
});

export const sizes = defineCase({
  id: 'vhost-mdev/memory-table/size-must-be-that-of-its-regions',
  title: 'a table that is shorter or longer than its number of regions says is refused with EINVAL',
  proves: { 'vm-memory/l1-table-size-checked': 'mdev-table-of-any-size-taken' },
  applies: { ...applies, ring: 'none' },
  run({ session, guest, requirement }) {
    const check = requirement('vm-memory/l1-table-size-checked');
    for (const [what, table] of Object.entries(mistoldSizes(guest))) {
      check.equal(setTable(session, table), 'EINVAL', `a table with ${what}`);
    }
  },
});

export const empty = defineCase({
  id: 'vhost-mdev/memory-table/regions-without-bytes-are-refused',
  title: 'a table with a region of no bytes is refused with EINVAL, wherever it stands',
  proves: { 'vm-memory/l1-empty-region-refused': 'mdev-empty-region-taken' },
  applies: { ...applies, ring: 'none' },
  run({ session, guest, requirement }) {
    const check = requirement('vm-memory/l1-empty-region-refused');
    for (const [what, table] of Object.entries(emptyRegions(guest))) {
      check.equal(setTable(session, table), 'EINVAL', `a region of no bytes, ${what}`);
    }
  },
});

export const overlapping = defineCase({
  id: 'vhost-mdev/memory-table/overlapping-regions-are-refused',
  title: 'a table with regions that overlap, by guest or by user address, is refused with EINVAL',
  proves: {
    'vm-memory/l1-overlapping-regions-refused': [
      'mdev-overlap-by-guest-address-taken',
      'mdev-overlap-by-user-address-taken',
    ],
  },
  applies: { ...applies, ring: 'none' },
  run({ session, guest, requirement }) {
    const check = requirement('vm-memory/l1-overlapping-regions-refused');
    for (const [what, table] of Object.entries(overlaps(guest))) {
      check.equal(setTable(session, table), 'EINVAL', `regions that overlap ${what}`);
    }
  },
});

export const padding = defineCase({
  id: 'vhost-mdev/memory-table/padding-must-be-zero',
  title: 'a table whose padding, or whose flags of a region, are not 0 is refused with EINVAL',
  proves: { 'vm-memory/l1-padding-refused': ['mdev-table-padding-ignored', 'mdev-region-flags-ignored'] },
  applies: { ...applies, ring: 'none' },
  run({ session, guest, requirement }) {
    const check = requirement('vm-memory/l1-padding-refused');
    for (const [what, table] of Object.entries(paddings(guest))) {
      check.equal(setTable(session, table), 'EINVAL', `a table with ${what}`);
    }
  },
});

export const memoryNowhere = defineCase({
  id: 'vhost-mdev/memory-table/memory-must-be-there',
  title: 'a table with user addresses where nothing is is refused with EFAULT',
  proves: { 'vm-memory/l1-memory-nowhere-refused': 'mdev-memory-nowhere-taken' },
  applies: { ...applies, ring: 'none' },
  run({ session, guest, requirement }) {
    const check = requirement('vm-memory/l1-memory-nowhere-refused');
    const regions = regionsOf([guest]);
    check.equal(setTable(session, tableOf([nowhere])), 'EFAULT', 'a table of memory that is not there');
    check.equal(setTable(session, tableOf([...regions, nowhere])), 'EFAULT', 'a table with some that is not there');
  },
});

export const changesNothing = defineCase({
  id: 'vhost-mdev/memory-table/refused-tables-leave-the-one-before',
  title: 'after a refused memory table, running or not, the device continues with the memory it has',
  proves: { 'vm-memory/l1-refused-table-changes-nothing': 'mdev-refused-table-forgets-memory' },
  applies: { ...applies, start: 'closed' },
  run({ port, connect, guest, driverOf, ring, points, requirement }) {
    const check = requirement('vm-memory/l1-refused-table-changes-nothing');
    const kinds = {
      'mistold-size': mistoldSizes(guest),
      'empty-region': emptyRegions(guest),
      overlap: overlaps(guest),
      padding: paddings(guest),
      nowhere: { all: tableOf([nowhere]) },
      'beyond-64': { 65: tableOf(manyRegions(guest, 65)) },
    };
    const all = Object.entries(kinds).flatMap(([kind, tables]) =>
      [1, 0].map((state) => ({ key: `${kind}-${state === 1 ? 'running' : 'stopped'}`, tables, state })),
    );
    points(all, ({ key, tables, state }) => {
      const session = connect('negotiated');
      const driver = driverOf(session);
      const queue = driver.attach(ring({ size: 16 }));
      setState(session, state);
      for (const table of Object.values(tables)) setTable(session, table);
      check.equal(setState(session, 1), 'taken', `a start after ${key}`);
      for (const seed of [1, 2]) serves({ port, driver }, check, queue, `request ${seed} after ${key}`, { seed });
      session.close();
    });
  },
});
