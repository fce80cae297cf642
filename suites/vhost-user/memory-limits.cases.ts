import type { Guest, OutgoingMessage, VhostUserSession } from '../../drivers/port/port.ts';
import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import { type CaseContext, defineCase, type VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';
import {
  acknowledgedTables,
  descriptorsOf,
  fieldsOf,
  inOrder,
  type RegionFields,
  setMemTable,
} from './memory-table.ts';
import { keepsToRefusal, refusesMessage, stillServes } from './refusal.ts';
import { RingByHand } from './ring-by-hand.ts';
import { getBase } from './ring-messages.ts';

/** Memory tables that cannot be. */

const page = 4096n;
/** Of a table (vhost-user, "Memory regions description"). */
const mostRegions = 8;
/** No message has more here. */
const mostDescriptors = 32;

type Context = Pick<CaseContext<string, VariantAxes, VhostUserSession>, 'driverOf' | 'port' | 'ring'>;

/** Tries to work in the first region after a table that may have been refused; then only life is asked for. */
function survives(
  { port, driverOf, ring }: Context,
  session: VhostUserSession,
  guest: Guest,
  check: Check,
  key: string,
): void {
  // Some say yes and hang up: that is a refusal, too.
  if (session.isOpen && session.messages.fence().kind === 'reply') {
    const driver = driverOf(session, guest);
    const mark = guest.mark();
    for (const index of [...driver.companionIndices, driver.queueIndex]) {
      const hand = new RingByHand(port, session, ring({ guest, size: 16 }), { index });
      if (index === driver.queueIndex) hand.makeAvailable(driver.request().segments);
      hand.tell('num', 'base', 'addresses', 'call', 'error', 'kick', 'enable');
      hand.kick();
    }
    if (session.isOpen) session.messages.fence();
    if (session.isOpen) getBase(session, driver.queueIndex);
    guest.release(mark);
  }
  stillServes(port, session, check, `service after a table with ${key}`);
  session.close();
}

export const countMismatch = defineCase({
  id: 'vhost-user/memory-limits/descriptor-count-other-than-regions-is-refused',
  title: 'a memory table with fewer or more descriptors than regions is refused',
  proves: { 'vu-memory/descriptor-count-mismatch-refused': 'descriptor-count-mismatch-accepted' },
  applies: { ...acknowledgedTables, ring: 'none' },
  run(context) {
    const { port, connect, points, requirement } = context;
    const check = requirement('vu-memory/descriptor-count-mismatch-refused');
    const guest = port.createGuest(guestLayouts['eight-regions']);
    const all = [
      [1, 0],
      [1, 2],
      [2, 1],
      [2, 3],
      [7, 8],
      [8, 7],
      [8, 1],
    ].map(([regions = 0, descriptors = 0]) => ({ key: `regions=${regions},fds=${descriptors}`, regions, descriptors }));
    points(all, ({ key, regions, descriptors }) => {
      const fields = guest.regions.slice(0, regions).map(fieldsOf);
      const withFiles = (count: number) => setMemTable(fields, descriptorsOf(port, guest.regions.slice(0, count)));
      refusesMessage(context, check, {
        what: `SET_MEM_TABLE with ${key}`,
        open: () => connect('negotiated'),
        flawed: withFiles(descriptors),
        sound: withFiles(regions),
        controlName: `regions=${regions}`,
      });
    });
  },
});

/** A table that counts as many regions and holds others: pages of one file, which follow each other. */
function countedTable(counted: number, held: number, file: number): OutgoingMessage {
  const payload = new DataView(new ArrayBuffer(8 + 32 * held));
  payload.setUint32(0, counted, true);
  for (let n = 0; n < held; n++) {
    payload.setBigUint64(8 + 32 * n, BigInt(n) * page, true);
    payload.setBigUint64(16 + 32 * n, page, true);
    payload.setBigUint64(24 + 32 * n, 0x7000_0000n + BigInt(n) * page, true);
  }
  return {
    request: 'VHOST_USER_SET_MEM_TABLE',
    payload: new Uint8Array(payload.buffer),
    descriptors: new Array<number>(Math.min(held, mostDescriptors)).fill(file),
  };
}

export const tooMany = defineCase({
  id: 'vhost-user/memory-limits/more-than-eight-regions-are-refused',
  title: 'a memory table that counts more regions than eight, or than it holds, is refused',
  proves: { 'vu-memory/too-many-regions-refused': 'too-many-regions-crash' },
  applies: { ...acknowledgedTables, ring: 'none' },
  run(context) {
    const { port, connect, points, requirement } = context;
    const check = requirement('vu-memory/too-many-regions-refused');
    const guest = port.createGuest(guestLayouts['eight-regions']);
    const all = [
      [9, 8],
      [9, 9],
      [255, 8],
      [0x8000_0000, 8],
      [0xffff_ffff, 1],
      [64, 64],
    ].map(([counted = 0, held = 0]) => ({ key: `counted=${counted},held=${held}`, counted, held }));
    const [region] = guest.regions;
    const fd = region === undefined ? 0 : port.descriptors.ofRegion(region);
    points(all, ({ key, counted, held }) => {
      const most = Math.min(held, mostRegions);
      const serves = refusesMessage(context, check, {
        what: `SET_MEM_TABLE with ${key}`,
        open: () => connect('negotiated'),
        flawed: countedTable(counted, held, fd),
        sound: countedTable(most, most, fd),
        controlName: `held=${most}`,
      });
      // The next point is judged for itself.
      if (!serves && port.iut.isAlive() && port.facts.capabilities.includes('restart')) port.iut.restart();
    });
  },
});

export const emptyOrOverflowing = defineCase({
  id: 'vhost-user/memory-limits/empty-and-overflowing-regions-are-survived',
  title: 'regions of no bytes, regions beyond the end of addresses, and a table of no regions are refused or survived',
  proves: { 'vu-memory/empty-or-overflowing-region-survived': 'empty-region-crashes' },
  applies: acknowledgedTables,
  run({ port, connect, driverOf, ring, points, requirement }) {
    const check = requirement('vu-memory/empty-or-overflowing-region-survived');
    const guest = port.createGuest(guestLayouts['single-region']);
    const [region] = guest.regions;
    if (region === undefined) return;
    const right = fieldsOf(region);
    const fd = port.descriptors.ofRegion(region);
    const other = { ...right, guestAddress: 0x10_0000n, userAddress: 0x10_0000n };
    const odd: Readonly<Record<string, Partial<RegionFields>>> = {
      'size=0': { size: 0n },
      'size=1': { size: 1n },
      'size=2^63': { size: 1n << 63n },
      'size=2^64-1': { size: 0xffff_ffff_ffff_ffffn },
      'guest-address-wraps': { guestAddress: 0xffff_ffff_ffff_f000n, size: 2n * page },
      'guest-address-ends-at-2^64': { guestAddress: 0xffff_ffff_ffff_f000n, size: page },
      'user-address-wraps': { userAddress: 0xffff_ffff_ffff_f000n, size: 2n * page },
      'offset-wraps': { mmapOffset: 0xffff_ffff_ffff_f000n, size: 2n * page },
      'offset=2^63': { mmapOffset: 1n << 63n, size: page },
      'offset=1': { mmapOffset: 1n, size: page },
    };
    const all = [...Object.keys(odd), 'no-regions'].map((key) => ({ key }));
    points(all, ({ key }) => {
      const session = connect('negotiated');
      const table =
        key === 'no-regions' ? setMemTable([], []) : setMemTable(inOrder([right, { ...other, ...odd[key] }]), [fd, fd]);
      const answer = session.messages.acknowledged(table);
      if (answer.kind === 'died' || answer.kind === 'silent') check.failsBy(answer, key, 'an answer');
      else survives({ port, driverOf, ring }, session, guest, check, key);
    });
  },
});

export const overlapping = defineCase({
  id: 'vhost-user/memory-limits/overlapping-regions-are-survived',
  title: 'regions that overlap for the guest, for the front-end, or in all are refused or survived',
  proves: { 'vu-memory/overlapping-regions-survived': ['overlapping-regions-crash', 'overlapping-regions-taken'] },
  applies: acknowledgedTables,
  run({ port, connect, driverOf, ring, points, requirement }) {
    const check = requirement('vu-memory/overlapping-regions-survived');
    const guest = port.createGuest(guestLayouts['single-region']);
    const [region] = guest.regions;
    if (region === undefined) return;
    const right = fieldsOf(region);
    const fd = port.descriptors.ofRegion(region);
    const apart = { ...right, guestAddress: 0x10_0000n, userAddress: 0x10_0000n };
    const second: Readonly<Record<string, RegionFields>> = {
      identical: right,
      'guest-addresses': { ...apart, guestAddress: right.guestAddress },
      'guest-addresses-in-part': { ...apart, guestAddress: right.guestAddress + right.size - page },
      'user-addresses': { ...apart, userAddress: right.userAddress },
      'user-addresses-in-part': { ...apart, userAddress: right.userAddress - right.size + page },
      within: { ...apart, guestAddress: right.guestAddress + page, userAddress: right.userAddress + page, size: page },
    };
    points(
      Object.keys(second).map((key) => ({ key })),
      ({ key }) => {
        const session = connect('negotiated');
        const answer = session.messages.acknowledged(setMemTable(inOrder([right, second[key] ?? right]), [fd, fd]));
        if (answer.kind === 'died' || answer.kind === 'silent') check.failsBy(answer, key, 'an answer');
        else {
          keepsToRefusal(port, check, answer, `overlapping ${key}`);
          survives({ port, driverOf, ring }, session, guest, check, `overlapping ${key}`);
        }
      },
    );
  },
});
