import { guestAddress } from '../../reference-impl/memory/addresses.ts';
import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import { changes, snapshot } from '../../reference-impl/memory/snapshot.ts';
import { defineCase } from '../case.ts';
import { serves, servesAll } from '../virtio/service.ts';
import { cutRegions, regionsOf, setTable, tableOf } from './device-memory.ts';
import { addressesOf, ringDoorbell, setAddresses, setBase, setState } from './ring-messages.ts';
import { isNotWritten, isWritten } from './written-buffers.ts';

/** Memory of layout L1: what SET_MEM_TABLE tells, and tells anew. */

const transports = ['vhost-mdev'] as const;
const applies = { start: 'negotiated', transports, needs: ['layout-l1'] } as const;

export const manyRegions = defineCase({
  id: 'vhost-mdev/memory-table/all-regions-are-reached',
  title: 'a table that cuts each region in four: rings in the last pieces, buffers over the boundary of two',
  proves: { 'vm-memory/l1-reaches-table-memory': 'mdev-table-of-four-regions' },
  applies: { ...applies, shareMemory: false },
  run({ port, session, guest, driver, ring, requirement }) {
    const check = requirement('vm-memory/l1-reaches-table-memory');
    check.equal(setTable(session, tableOf(cutRegions(regionsOf([guest]), 4))), 'taken', 'a table of eight regions');
    const queue = driver.attach(ring({ size: 16, placement: 'region-end' }));
    const [first, second] = guest.regions;
    for (const region of [first, second]) {
      if (region === undefined) continue;
      const at = guestAddress(region.guestAddress + BigInt(region.size) / 2n - 32n);
      const shape = { readableWhere: { at }, writableWhere: { at } };
      serves({ port, driver }, check, queue, `a buffer over two pieces of region ${region.index}`, shape);
    }
  },
});

export const descending = defineCase({
  id: 'vhost-mdev/memory-table/regions-may-come-in-any-order',
  title: 'a table that cuts each region in four and begins with the last piece is taken, and each piece is reached',
  proves: { 'vm-memory/l1-reaches-table-memory': 'mdev-descending-table-refused' },
  applies: { ...applies, shareMemory: false },
  run({ port, session, guest, driver, ring, requirement }) {
    const check = requirement('vm-memory/l1-reaches-table-memory');
    const regions = cutRegions(regionsOf([guest]), 4).reverse();
    if (!check.equal(setTable(session, tableOf(regions)), 'taken', 'a table that descends')) return;
    const queue = driver.attach(ring({ size: 16, placement: 'region-end' }));
    for (const { guestAddress: start, size } of regions) {
      const at = guestAddress(start + size / 2n);
      serves({ port, driver }, check, queue, `a buffer at 0x${at.toString(16)}`, { writableWhere: { at } });
    }
  },
});

export const replaced = defineCase({
  id: 'vhost-mdev/memory-table/table-replaces-the-one-before',
  title: 'a table of other memory: a ring where memory was fails the start, and one in the new memory is served',
  proves: { 'vm-memory/l1-table-replaces-one-before': 'mdev-table-adds-to-the-one-before' },
  applies: { ...applies, ring: 'split' },
  run({ port, session, guest, driver, ring, requirement }) {
    const check = requirement('vm-memory/l1-table-replaces-one-before');
    // Told again, so that what a device keeps of the last table is there to be kept.
    const queue = driver.attach(ring({ size: 16 }));
    setState(session, 0);
    setTable(session, tableOf(regionsOf([guest])));
    const other = port.createGuest(guestLayouts['single-region']);
    check.equal(setTable(session, tableOf(regionsOf([other]))), 'taken', 'a table of other memory');
    check.notEqual(setState(session, 1), 'taken', 'a start with rings that lie in the memory of before');
    const rings = [queue.index, ...driver.companionIndices].map((index) => ({
      index,
      ring: ring({ guest: other, size: index === queue.index ? 16 : 64 }),
    }));
    for (const { index, ring } of rings) {
      setBase(session, index, 0);
      setAddresses(session, index, addressesOf(session, ring));
    }
    check.equal(setState(session, 1), 'taken', 'a start with rings in the memory of now');
    setState(session, 0);
  },
});

export const whileRunning = defineCase({
  id: 'vhost-mdev/memory-table/table-while-running-is-taken',
  title: 'a table with more memory is taken while the device runs: its rings go on, and the new memory is reached',
  proves: { 'vm-memory/l1-table-while-running-taken': 'mdev-table-while-running-refused' },
  applies,
  run({ port, session, guest, driverOf, driver, ring, requirement }) {
    const check = requirement('vm-memory/l1-table-while-running-taken');
    const queue = driver.attach(ring({ size: 16 }));
    const writesBefore = driver.writes(queue);
    isWritten(check, writesBefore, 'a buffer in memory that it had', 1);
    const more = port.createGuest(guestLayouts['single-region']);
    check.equal(setTable(session, tableOf(regionsOf([guest, more]))), 'taken', 'a table while the device runs');
    const buffers = driverOf(session, more);
    const writes = driver.writes(queue, buffers);
    isWritten(check, writes, 'a buffer in memory that was told of late', 3);
  },
});

export const removed = defineCase({
  id: 'vhost-mdev/memory-table/removed-regions-are-not-written',
  title: 'a request to write where a new table has no memory writes nothing there; the device serves a fresh ring',
  proves: { 'vm-memory/l1-removed-region-not-written': 'mdev-smaller-table-ignored' },
  applies,
  run({ port, session, guest, driverOf, driver, ring, requirement }) {
    const check = requirement('vm-memory/l1-removed-region-not-written');
    const more = port.createGuest(guestLayouts['single-region']);
    setTable(session, tableOf(regionsOf([guest, more])));
    const queue = driver.attach(ring({ size: 16 }));
    const buffers = driverOf(session, more);
    const writes = driver.writes(queue, buffers);
    isWritten(check, writes, 'a buffer that the table has', 1);
    check.equal(setTable(session, tableOf(regionsOf([guest]))), 'taken', 'a table without it');
    isNotWritten({ port, session, driver, ring }, check, writes, more, 'memory that was taken away');
  },
});

export const sixtyFour = defineCase({
  id: 'vhost-mdev/memory-table/sixty-four-regions-are-taken',
  title: 'a table of 64 regions is taken, and a ring in the last of them is served',
  proves: { 'vm-memory/l1-table-of-64-regions-taken': 'mdev-table-of-64-regions-refused' },
  applies: { ...applies, shareMemory: false },
  run({ port, session, guest, driver, ring, requirement }) {
    const check = requirement('vm-memory/l1-table-of-64-regions-taken');
    check.equal(setTable(session, tableOf(cutRegions(regionsOf([guest]), 32))), 'taken', 'a table of 64 regions');
    const queue = driver.attach(ring({ size: 16, placement: 'region-end' }));
    serves({ port, driver }, check, queue, 'a request on a ring in the last region');
  },
});

export const none = defineCase({
  id: 'vhost-mdev/memory-table/table-of-no-regions-takes-all-memory-away',
  title: 'a table of no regions under a running ring: it rests, and goes on after a table that has it and a start',
  proves: { 'vm-memory/l1-table-replaces-one-before': 'mdev-table-of-no-regions-ignored' },
  applies,
  run({ port, session, guest, driver, ring, requirement }) {
    const check = requirement('vm-memory/l1-table-replaces-one-before');
    const queue = driver.attach(ring({ size: 16 }));
    if (!serves({ port, driver }, check, queue, 'a request before')) return;
    check.equal(setTable(session, tableOf([])), 'taken', 'a table of no regions');
    const heads = queue.makeAvailable([driver.request({ seed: 2 }).segments]);
    const before = snapshot(guest);
    ringDoorbell(session, queue.index);
    session.fence();
    setState(session, 0);
    check.unchanged(before.guest, changes(before), 'memory without any memory');
    check.equal(setTable(session, tableOf(regionsOf([guest]))), 'taken', 'a table of the memory');
    check.equal(setState(session, 1), 'taken', 'the next start');
    queue.kick();
    const used = servesAll(port, check, queue, 1, 'used elements after the next start');
    check.sameMembers(used, heads, 'heads that came back');
  },
});

export const ringRemoved = defineCase({
  id: 'vhost-mdev/memory-table/removed-rings-are-not-touched',
  title: 'a ring that a new table leaves out while the device runs is not written; told of again, it goes on',
  proves: { 'vm-memory/l1-removed-region-not-written': 'mdev-smaller-table-ignored' },
  applies,
  run({ port, session, guest, driver, ring, requirement }) {
    const check = requirement('vm-memory/l1-removed-region-not-written');
    const more = port.createGuest(guestLayouts['single-region']);
    const both = tableOf(regionsOf([guest, more]));
    setTable(session, both);
    const queue = driver.attach(ring({ guest: more, size: 16 }));
    if (!serves({ port, driver }, check, queue, 'a request before')) return;
    check.equal(setTable(session, tableOf(regionsOf([guest]))), 'taken', 'a table without the ring');
    const heads = queue.makeAvailable([driver.request({ seed: 2 }).segments]);
    const before = snapshot(more);
    ringDoorbell(session, queue.index);
    session.fence();
    setState(session, 0);
    check.unchanged(before.guest, changes(before), 'memory where the ring was');
    check.equal(setTable(session, both), 'taken', 'a table with the ring');
    check.equal(setState(session, 1), 'taken', 'the next start');
    queue.kick();
    const used = servesAll(port, check, queue, 1, 'used elements after the next start');
    check.sameMembers(used, heads, 'heads that came back');
  },
});
