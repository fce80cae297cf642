import type { Guest, VhostMdevSession } from '../../drivers/port/port.ts';
import { type CaseContext, defineCase, type VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';
import { serves } from '../virtio/service.ts';
import { cutRegions, regionsOf, setTable, type TableRegion, tableOf } from './device-memory.ts';
import { refusesCall } from './refusal.ts';
import { setState } from './ring-messages.ts';

/** Tables of layout L1 that are refused, and what is left of the one before. */

const transports = ['vhost-mdev'] as const;
const applies = { start: 'negotiated', transports, needs: ['layout-l1'] } as const;

const nowhere: TableRegion = { guestAddress: 0x5555_0000n, size: 0x1_0000n, userAddress: 0x5555_0000n };
const asBytes = (bytes: Uint8Array, length: number): Uint8Array => {
  const resized = new Uint8Array(length);
  resized.set(bytes.subarray(0, length));
  return resized;
};

/** Each table is refused with one of these errors, and that of the guest is taken. */
function refusesTables(
  context: CaseContext<string, VariantAxes, VhostMdevSession>,
  check: Check,
  tables: Readonly<Record<string, Uint8Array>>,
  errors: readonly string[],
): void {
  const sound = tableOf(regionsOf([context.guest]));
  for (const [what, table] of Object.entries(tables)) {
    refusesCall(context, check, {
      what,
      errors,
      open: () => context.connect('negotiated'),
      flawed: (session) => setTable(session, table),
      control: (session) => setTable(session, sound),
      controlName: 'the table of the guest',
    });
  }
}

const manyRegions = (guest: Guest, count: number): TableRegion[] =>
  cutRegions(regionsOf([guest]).slice(0, 1), 128).slice(0, count);

function mistoldSizes(guest: Guest): Record<string, Uint8Array> {
  const table = tableOf(regionsOf([guest]));
  return {
    'a table with no bytes': new Uint8Array(),
    'a table with half a header': asBytes(table, 4),
    'a table with a header and no regions': asBytes(table, 8),
    'a table with a byte too few': asBytes(table, table.length - 1),
    'a table with a region too few': asBytes(table, table.length - 32),
    'a table with a byte too many': asBytes(table, table.length + 1),
    'a table with a region too many': asBytes(table, table.length + 32),
  };
}

function emptyRegions(guest: Guest): Record<string, Uint8Array> {
  const [first, ...others] = regionsOf([guest]);
  const empty = { guestAddress: 0x5555_0000n, size: 0n, userAddress: first?.userAddress ?? 0n };
  return {
    'a region of no bytes, first': tableOf([empty, ...regionsOf([guest])]),
    'a region of no bytes, last': tableOf([...regionsOf([guest]), empty]),
    'a region of no bytes, in place of memory': tableOf([
      ...(first === undefined ? [] : [{ ...first, size: 0n }]),
      ...others,
    ]),
  };
}

function overlaps(guest: Guest): Record<string, Uint8Array> {
  const regions = regionsOf([guest]);
  const [first] = regions;
  if (first === undefined) return {};
  const { size, guestAddress, userAddress } = first;
  const free = 0x5555_0000_0000n;
  return {
    'regions that overlap by guest address, the same': tableOf([
      ...regions,
      { ...nowhere, guestAddress, size, userAddress },
    ]),
    'regions that overlap by guest address, one page': tableOf([
      ...cutRegions([first], 2),
      { guestAddress: guestAddress + size / 2n - 0x1000n, size: 0x1000n, userAddress: regions[1]?.userAddress ?? 0n },
    ]),
    'regions that overlap by user address, one page': tableOf([
      first,
      { guestAddress: free, size: 0x1000n, userAddress },
    ]),
    'regions that overlap by user address, the last page': tableOf([
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
    'a table with the padding 1': tableOf(regionsOf([guest]), { padding: 1 }),
    'a table with the padding all ones': tableOf(regionsOf([guest]), { padding: 0xffff_ffff }),
    'a table with the flags 1': flagged(1n),
    'a table with the highest flag': flagged(1n << 63n),
  };
}

export const beyondSixtyFour = defineCase({
  id: 'vhost-mdev/memory-table/more-than-sixty-four-regions-are-refused',
  title: 'a table of more than 64 regions is refused with E2BIG',
  proves: { 'vm-memory/l1-table-beyond-64-refused': 'mdev-table-beyond-64-taken' },
  applies: { ...applies, start: 'closed', ring: 'none' },
  run(context) {
    const { connect, guest, requirement } = context;
    const check = requirement('vm-memory/l1-table-beyond-64-refused');
    for (const count of [65, 100]) {
      refusesCall(context, check, {
        what: `a table of ${count} regions`,
        errors: ['E2BIG'],
        open: () => connect('negotiated'),
        flawed: (session) => setTable(session, tableOf(manyRegions(guest, count))),
        control: (session) => setTable(session, tableOf(manyRegions(guest, 64))),
        controlName: 'a table of 64 regions',
      });
    }
    const tellingMore = [0x1_0002, 0x8000_0002, 0xffff_ffff].map((count) => [
      `a table that says it has ${count} regions`,
      tableOf(regionsOf([guest]), { count }),
    ]);
    // There are not as many behind it: both are wrong with it.
    refusesTables(context, check, Object.fromEntries(tellingMore), ['E2BIG', 'EINVAL']);
  },
});

export const sizes = defineCase({
  id: 'vhost-mdev/memory-table/size-must-be-that-of-its-regions',
  title: 'a table that is shorter or longer than its number of regions says is refused with EINVAL',
  proves: { 'vm-memory/l1-table-size-checked': 'mdev-table-of-any-size-taken' },
  applies: { ...applies, start: 'closed', ring: 'none' },
  run(context) {
    refusesTables(context, context.requirement('vm-memory/l1-table-size-checked'), mistoldSizes(context.guest), [
      'EINVAL',
    ]);
  },
});

export const empty = defineCase({
  id: 'vhost-mdev/memory-table/regions-without-bytes-are-refused',
  title: 'a table with a region of no bytes is refused with EINVAL, wherever it stands',
  proves: { 'vm-memory/l1-empty-region-refused': 'mdev-empty-region-taken' },
  applies: { ...applies, start: 'closed', ring: 'none' },
  run(context) {
    refusesTables(context, context.requirement('vm-memory/l1-empty-region-refused'), emptyRegions(context.guest), [
      'EINVAL',
    ]);
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
  applies: { ...applies, start: 'closed', ring: 'none' },
  run(context) {
    refusesTables(context, context.requirement('vm-memory/l1-overlapping-regions-refused'), overlaps(context.guest), [
      'EINVAL',
    ]);
  },
});

export const padding = defineCase({
  id: 'vhost-mdev/memory-table/padding-must-be-zero',
  title: 'a table whose padding, or whose flags of a region, are not 0 is refused with EINVAL',
  proves: { 'vm-memory/l1-padding-refused': ['mdev-table-padding-ignored', 'mdev-region-flags-ignored'] },
  applies: { ...applies, start: 'closed', ring: 'none' },
  run(context) {
    refusesTables(context, context.requirement('vm-memory/l1-padding-refused'), paddings(context.guest), ['EINVAL']);
  },
});

export const memoryNowhere = defineCase({
  id: 'vhost-mdev/memory-table/memory-must-be-there',
  title: 'a table with user addresses where nothing is is refused with EFAULT',
  proves: { 'vm-memory/l1-memory-nowhere-refused': 'mdev-memory-nowhere-taken' },
  applies: { ...applies, start: 'closed', ring: 'none' },
  run(context) {
    const tables = {
      'a table of memory that is not there': tableOf([nowhere]),
      'a table with some that is not there': tableOf([...regionsOf([context.guest]), nowhere]),
    };
    refusesTables(context, context.requirement('vm-memory/l1-memory-nowhere-refused'), tables, ['EFAULT']);
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
