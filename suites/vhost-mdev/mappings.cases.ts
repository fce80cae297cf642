import type { DeviceDriver } from '../../drivers/devices/device-driver.ts';
import type { Guest, Queue, VhostMdevSession } from '../../drivers/port/port.ts';
import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import { type CaseContext, defineCase, type VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';
import { serves } from '../virtio/service.ts';
import { mapGuest, mapWith, regionsOf, setTable, tableOf, unmapGuest, unmapWith } from './device-memory.ts';
import { refusesCall } from './refusal.ts';
import { type Answer, answerOf, setState } from './ring-messages.ts';

/** Mappings that the container of layout L2 refuses, and a device that goes on with those that it has. */

const transports = ['vhost-mdev'] as const;
const applies = { start: 'negotiated', transports, needs: ['layout-l2'] } as const;
const page = 0x1000n;

interface RunningRing {
  readonly session: VhostMdevSession;
  readonly driver: DeviceDriver;
  readonly queue: Queue;
}

type Context = CaseContext<string, VariantAxes, VhostMdevSession>;

/**
 * Each call is refused with the error, the device goes on with the mappings that it has, and the sound call is taken by a
 * device that runs as well.
 */
function refusesMappings(
  context: Context,
  check: Check,
  error: string,
  calls: Readonly<Record<string, (session: VhostMdevSession) => Answer>>,
  control: (session: VhostMdevSession) => Answer,
): void {
  const { port, guest, connect, driverOf, ring } = context;
  for (const [what, call] of Object.entries(calls)) {
    const mark = guest.mark();
    refusesCall<RunningRing>(context, check, {
      what,
      errors: [error],
      open: () => {
        const session = connect('negotiated');
        const driver = driverOf(session);
        return { session, driver, queue: driver.attach(ring({ size: 16 })) };
      },
      flawed: ({ session }) => call(session),
      behind: ({ driver, queue }) => serves({ port, driver }, check, queue, `a request after ${what}`),
      control: ({ session }) => control(session),
      controlName: 'the sound call',
    });
    guest.release(mark);
  }
}

/** The first region of a guest as the container sees it. */
function rangeOf(guest: Guest): { readonly at: bigint; readonly size: bigint; readonly userAddress: bigint } {
  const [first] = guest.regions;
  return {
    at: first?.ioVirtualAddress ?? 0n,
    size: BigInt(first?.size ?? 0),
    userAddress: first?.userAddress ?? 0n,
  };
}

const map = (session: VhostMdevSession, ioVirtualAddress: bigint, userAddress: bigint, size: bigint) =>
  answerOf(session.vfio.mapDma({ ioVirtualAddress, userAddress, size }));

export const twice = defineCase({
  id: 'vhost-mdev/mappings/overlapping-mappings-are-refused',
  title: 'what overlaps a mapping is refused with EEXIST, and the device goes on with the mapping of before',
  proves: { 'vm-memory/l2-mapping-twice-refused': 'mdev-mapping-twice-taken' },
  applies: { ...applies, start: 'closed' },
  run(context) {
    const { port, guest, requirement } = context;
    const { at, size } = rangeOf(guest);
    const { userAddress } = rangeOf(port.createGuest(guestLayouts['single-region']));
    const ranges = {
      'the same': [at, size],
      'the first page': [at, page],
      'the last page': [at + size - page, page],
      'a page before it and its first': [at - page, 2n * page],
      'its last page and one behind it': [at + size - page, 2n * page],
      'all of it and a page on each side': [at - page, size + 2n * page],
    } as const;
    const calls = Object.entries(ranges).map(([what, [from, length]]) => [
      `mapping ${what} once more`,
      (session: VhostMdevSession) => map(session, from, userAddress, length),
    ]);
    const check = requirement('vm-memory/l2-mapping-twice-refused');
    const free = at + 16n * size;
    refusesMappings(context, check, 'EEXIST', Object.fromEntries(calls), (session) =>
      map(session, free, userAddress, page),
    );
  },
});

export const unaligned = defineCase({
  id: 'vhost-mdev/mappings/parts-of-pages-are-refused',
  title: 'a mapping that does not begin and end with a page, has no bytes, or wraps is refused with EINVAL',
  proves: { 'vm-memory/l2-unaligned-mapping-refused': 'mdev-unaligned-mapping-taken' },
  applies: { ...applies, start: 'closed' },
  run(context) {
    const { port, requirement } = context;
    const { at, size, userAddress } = rangeOf(port.createGuest(guestLayouts['single-region']));
    const ranges = {
      'begins 1 byte into a page': [at + 1n, userAddress, page],
      'begins 2048 bytes into a page': [at + 0x800n, userAddress, page],
      'is of memory 16 bytes into a page': [at, userAddress + 16n, page],
      'is a byte longer than a page': [at, userAddress, page + 1n],
      'is a byte shorter than all': [at, userAddress, size - 1n],
      'has no bytes': [at, userAddress, 0n],
      wraps: [0xffff_ffff_ffff_f000n, userAddress, 2n * page],
    } as const;
    const calls = Object.entries(ranges).map(([what, [from, user, length]]) => [
      `a mapping that ${what}`,
      (session: VhostMdevSession) => map(session, from, user, length),
    ]);
    const check = requirement('vm-memory/l2-unaligned-mapping-refused');
    refusesMappings(context, check, 'EINVAL', Object.fromEntries(calls), (session) =>
      map(session, at, userAddress, page),
    );
  },
});

export const flags = defineCase({
  id: 'vhost-mdev/mappings/flags-that-say-nothing-are-refused',
  title: 'a mapping with neither read nor write, or with flags that there are not, is refused with EINVAL',
  proves: { 'vm-memory/l2-mapping-without-flags-refused': 'mdev-mapping-flags-ignored' },
  applies: { ...applies, start: 'closed' },
  run(context) {
    const { port, requirement } = context;
    const { at: ioVirtualAddress, size, userAddress } = rangeOf(port.createGuest(guestLayouts['single-region']));
    const mapped = (word: number) => (session: VhostMdevSession) =>
      mapWith(session, { ioVirtualAddress, userAddress, size }, { flags: word });
    const calls = [0, 0x20, 0x23, 0x8000_0003].map((word) => [
      `a mapping with flags 0x${word.toString(16)}`,
      mapped(word),
    ]);
    const check = requirement('vm-memory/l2-mapping-without-flags-refused');
    refusesMappings(context, check, 'EINVAL', Object.fromEntries(calls), mapped(3));
  },
});

export const unmapBytes = defineCase({
  id: 'vhost-mdev/mappings/unmapping-tells-how-much-there-was',
  title: 'unmapping tells the bytes of the mappings in the range, 0 where there are none; mapped again, all is served',
  proves: { 'vm-memory/l2-unmap-tells-bytes': 'mdev-unmap-tells-what-was-asked' },
  applies,
  run({ port, session, guest, driver, ring, requirement }) {
    const check = requirement('vm-memory/l2-unmap-tells-bytes');
    const queue = driver.attach(ring({ size: 16 }));
    if (!serves({ port, driver }, check, queue, 'a request before')) return;
    const more = port.createGuest(guestLayouts['adjacent-regions']);
    const { at, size } = rangeOf(more);
    const unmap = (from: bigint, length: bigint) => session.vfio.unmapDma({ ioVirtualAddress: from, size: length });
    check.equal(unmap(at, size), 0n, 'bytes where nothing is mapped');
    mapGuest(session, more);
    check.equal(unmap(at, size), size, 'bytes of one mapping');
    check.equal(unmap(at - page, 4n * size), 2n * size, 'bytes of a range with two mappings and gaps');
    check.equal(unmap(at, size), 0n, 'bytes where nothing is mapped any more');
    setState(session, 0);
    check.equal(unmapGuest(session, guest), 'taken', 'unmapping all of a stopped device');
    check.equal(mapGuest(session, guest), 'taken', 'mapping it again');
    check.equal(setState(session, 1), 'taken', 'the next start');
    serves({ port, driver }, check, queue, 'a request in memory that was mapped again', { seed: 2 });
  },
});

export const unmapPart = defineCase({
  id: 'vhost-mdev/mappings/part-of-a-mapping-cannot-be-unmapped',
  title: 'unmapping a part of a mapping is refused with EINVAL, and the device still reaches all of it',
  proves: { 'vm-memory/l2-part-of-mapping-refused': 'mdev-part-of-mapping-taken' },
  applies: { ...applies, start: 'closed' },
  run(context) {
    const { guest, requirement } = context;
    const { at, size } = rangeOf(guest);
    const ranges = {
      'the first page': [at, page],
      'the last page': [at + size - page, page],
      'the first half': [at, size / 2n],
      'a page in the middle': [at + size / 2n, page],
      'its last page and one behind it': [at + size - page, 2n * page],
    } as const;
    const unmap = (ioVirtualAddress: bigint, length: bigint) => (session: VhostMdevSession) =>
      answerOf(session.vfio.unmapDma({ ioVirtualAddress, size: length }));
    const calls = Object.entries(ranges).map(([what, [from, length]]) => [`unmapping ${what}`, unmap(from, length)]);
    const check = requirement('vm-memory/l2-part-of-mapping-refused');
    refusesMappings(context, check, 'EINVAL', Object.fromEntries(calls), unmap(at, size));
  },
});

export const shortArgsz = defineCase({
  id: 'vhost-mdev/mappings/short-argsz-is-refused',
  title: 'mapping with an argsz below 32 and unmapping with one below 24 are refused with EINVAL',
  proves: { 'vm-memory/l2-short-argsz-refused': 'mdev-short-argsz-of-mapping-taken' },
  applies: { ...applies, start: 'closed' },
  run(context) {
    const { port, guest, requirement } = context;
    const { at, size } = rangeOf(guest);
    const free = { ...rangeOf(port.createGuest(guestLayouts['single-region'])), ioVirtualAddress: at + 16n * size };
    const check = requirement('vm-memory/l2-short-argsz-refused');
    const mapped = (argsz: number) => (session: VhostMdevSession) => mapWith(session, free, { argsz });
    const unmapped = (argsz: number) => (session: VhostMdevSession) =>
      unmapWith(session, { ioVirtualAddress: free.ioVirtualAddress, size: page }, { argsz });
    const kinds = { mapping: { call: mapped, whole: 32 }, unmapping: { call: unmapped, whole: 24 } };
    for (const [kind, { call, whole }] of Object.entries(kinds)) {
      const calls = [0, 4, 8, 16, whole - 1].map((argsz) => [`${kind} with argsz ${argsz}`, call(argsz)]);
      refusesMappings(context, check, 'EINVAL', Object.fromEntries(calls), call(whole));
    }
  },
});

export const badUnmapping = defineCase({
  id: 'vhost-mdev/mappings/unmapping-parts-of-pages-or-with-flags-is-refused',
  title: 'unmapping that does not begin and end with a page, has no bytes, or has unknown flags fails with EINVAL',
  proves: {
    'vm-memory/l2-bad-unmapping-refused': ['mdev-unmapping-flags-ignored', 'mdev-unaligned-unmapping-taken'],
  },
  applies: { ...applies, start: 'closed' },
  run(context) {
    const { guest, requirement } = context;
    const { at, size } = rangeOf(guest);
    const free = at + 16n * size;
    const ranges = {
      'begins 1 byte into a page': [free + 1n, page],
      'begins 2048 bytes into a page': [free + 0x800n, page],
      'is a byte longer than a page': [free, page + 1n],
      'is a byte shorter than two pages': [free, 2n * page - 1n],
      'has no bytes': [free, 0n],
    } as const;
    const unmapped = (ioVirtualAddress: bigint, length: bigint, flags: number) => (session: VhostMdevSession) =>
      unmapWith(session, { ioVirtualAddress, size: length }, { flags });
    const calls = [
      ...Object.entries(ranges).map(([what, [from, length]]) => [
        `an unmapping that ${what}`,
        unmapped(from, length, 0),
      ]),
      ...[0x4000_0000, 0x8000_0000].map((flags) => [`an unmapping with flags ${flags}`, unmapped(free, page, flags)]),
    ];
    const check = requirement('vm-memory/l2-bad-unmapping-refused');
    refusesMappings(context, check, 'EINVAL', Object.fromEntries(calls), unmapped(free, page, 0));
  },
});

export const tableIgnored = defineCase({
  id: 'vhost-mdev/mappings/memory-table-is-taken-and-ignored',
  title: 'SET_MEM_TABLE in layout L2 is taken, running or not, and changes nothing of what the device reaches',
  proves: { 'vm-memory/l2-table-ignored': ['mdev-table-of-l2-refused', 'mdev-table-of-l2-counts'] },
  applies,
  run({ port, session, guest, driver, ring, requirement }) {
    const check = requirement('vm-memory/l2-table-ignored');
    const queue = driver.attach(ring({ size: 16 }));
    const nowhere = { guestAddress: 0x5555_0000n, size: 0x1000n, userAddress: 0x5555_0000n };
    const tables = {
      'of no regions': tableOf([]),
      'of the guest': tableOf(regionsOf([guest])),
      'of memory that is not there': tableOf([nowhere]),
    };
    let seed = 0;
    for (const state of [1, 0]) {
      setState(session, state);
      for (const [what, table] of Object.entries(tables)) {
        check.equal(setTable(session, table), 'taken', `a table ${what}, in state ${state}`);
      }
      setState(session, 1);
      if (!serves({ port, driver }, check, queue, 'a request afterwards', { seed: ++seed })) return;
    }
  },
});
