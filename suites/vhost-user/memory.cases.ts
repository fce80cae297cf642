import { guestAddress } from '../../reference-impl/memory/addresses.ts';
import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import { changes, snapshot } from '../../reference-impl/memory/snapshot.ts';
import { defineCase } from '../case.ts';
import { writtenBefore } from '../premise.ts';
import { exchangedLayout } from './exchanged-layout.ts';
import { descriptorsOf, fieldsOf, setMemTable, tableOf } from './memory-table.ts';

/** SET_MEM_TABLE with memory that is as it should be (vhost-user, "Memory access"). */

const transports = ['vhost-user'] as const;

export const offsets = defineCase({
  id: 'vhost-user/memory/regions-are-mapped-at-their-offsets',
  title: 'requests are served in any good layout of memory: one region, eight, adjacent, in one file, high, at the end',
  proves: {
    'vu-memory/descriptor-maps-its-region-at-offset': ['mmap-offset-ignored', 'all-regions-from-first-descriptor'],
  },
  applies: { start: 'negotiated', transports, shareMemory: false },
  variants: {
    layout: [
      'below-and-above-4gib',
      'single-region',
      'adjacent-regions',
      'one-file',
      'eight-regions',
      'crossing-4gib',
      'high-addresses',
    ],
  },
  run({ port, session, driverOf, ring, variant, requirement }) {
    const check = requirement('vu-memory/descriptor-maps-its-region-at-offset');
    const guest = port.createGuest(guestLayouts[variant.layout]);
    const driver = driverOf(session, guest);
    check.accepted(session.messages.acknowledged(tableOf(port, guest)), 'SET_MEM_TABLE');
    const queue = driver.attach(ring({ guest, size: 16 }));
    const writes = driver.writes(queue);
    // Buffers take turns through the regions.
    for (let seed = 1; seed <= 2 * guest.regions.length; seed++) {
      writes.ask({ seed });
      writes.written.waitForUsed(1);
      check.equal(writes.problem, undefined, `what is wrong with buffer ${seed}`);
    }
  },
});

export const descriptorOrder = defineCase({
  id: 'vhost-user/memory/descriptor-belongs-to-its-region',
  title: 'descriptor i maps region i, whatever the order of regions and the places in one file',
  proves: {
    // First: an exchange that ends at the table is told under it.
    'vu-memory/regions-taken-in-any-order': 'unsorted-regions-refused',
    'vu-memory/descriptor-maps-its-region-at-offset': 'all-regions-from-first-descriptor',
  },
  applies: {
    start: 'negotiated',
    transports,
    negotiate: ['VHOST_USER_PROTOCOL_F_REPLY_ACK'],
    shareMemory: false,
  },
  variants: { order: ['ascending', 'descending', 'interleaved', 'adjacent-descending'] },
  run({ port, session, driverOf, ring, variant, requirement }) {
    const ofOrder = requirement('vu-memory/regions-taken-in-any-order');
    const check = requirement('vu-memory/descriptor-maps-its-region-at-offset');
    const layout = variant.order === 'adjacent-descending' ? 'adjacent-regions' : 'eight-regions';
    const guest = port.createGuest(guestLayouts[layout]);
    const driver = driverOf(session, guest);
    const regions = [...guest.regions];
    if (variant.order.endsWith('descending')) regions.reverse();
    if (variant.order === 'interleaved') regions.sort((a, b) => (a.index % 4) - (b.index % 4) || b.index - a.index);
    const table = setMemTable(regions.map(fieldsOf), descriptorsOf(port, regions));
    const answer = session.messages.acknowledged(table);
    if (!ofOrder.accepted(answer, `SET_MEM_TABLE with regions in ${variant.order} order`)) return;
    const queue = driver.attach(ring({ guest, size: 16, placement: 'apart' }));
    for (let seed = 1; seed <= 8; seed++) {
      check.equal(driver.once(queue, { seed }), undefined, `what is wrong with request ${seed}`);
    }
  },
});

export const rangesApart = defineCase({
  id: 'vhost-user/memory/guest-and-user-ranges-are-kept-apart',
  title: 'a buffer is found by its guest-physical address where that is a user address of another region',
  proves: { 'vu-memory/guest-and-user-ranges-kept-apart': 'buffers-looked-up-by-user-address-first' },
  applies: { start: 'negotiated', transports, shareMemory: false },
  run({ port, session, driverOf, ring, requirement }) {
    const check = requirement('vu-memory/guest-and-user-ranges-kept-apart');
    const guest = port.createGuest(exchangedLayout);
    const driver = driverOf(session, guest);
    check.granted(session.messages.acknowledged(tableOf(port, guest)), 'the memory table');
    const queue = driver.attach(ring({ guest, size: 16 }));
    const writes = driver.writes(queue);
    for (const seed of [1, 2, 3, 4]) {
      writes.ask({ seed });
      writes.written.waitForUsed(1);
      check.equal(writes.problem, undefined, `what is wrong with buffer ${seed}`);
    }
  },
});

export const userAddressRefused = defineCase({
  id: 'vhost-user/memory/user-address-is-no-buffer-address',
  title: 'a buffer at a user address, which no guest range holds, is not written',
  proves: { 'vu-memory/guest-and-user-ranges-kept-apart': 'buffers-looked-up-by-user-address' },
  applies: { start: 'negotiated', transports },
  run({ port, session, guest, driverOf, driver, ring, requirement }) {
    const check = requirement('vu-memory/guest-and-user-ranges-kept-apart');
    const other = port.createGuest(guestLayouts['single-region']);
    check.granted(session.messages.acknowledged(tableOf(port, guest, other)), 'the memory table');
    const queue = driver.attach(ring({ size: 16 }));
    const buffers = driverOf(session, other);
    const writes = driver.writes(queue, buffers);
    writtenBefore(port, check, writes);
    let before = snapshot(other);
    writes.ask({
      change: (segment) => ({ ...segment, guestAddress: guestAddress(segment.userAddress) }),
      laidOut: () => {
        before = snapshot(other);
      },
    });
    session.messages.fence();
    writes.stopAll();
    check.unchanged(before.guest, changes(before), 'memory where the user addresses point');
  },
});

export const acrossRegions = defineCase({
  id: 'vhost-user/memory/buffers-across-adjacent-regions-are-handled',
  title: 'a buffer that begins in one region and ends in the next is read and written whole',
  proves: { 'split/buffers-anywhere-in-memory': 'buffers-across-regions-refused' },
  applies: { start: 'negotiated', transports, memory: 'adjacent-regions' },
  run({ driver, ring, requirement }) {
    const check = requirement('split/buffers-anywhere-in-memory');
    const queue = driver.attach(ring({ size: 16 }));
    const shape = {
      seed: 42,
      readableWhere: { crossing: 'region', region: 0 },
      writableWhere: { crossing: 'region', region: 1 },
    } as const;
    check.equal(driver.transfer(queue, shape), undefined, 'what went from and into buffers in two regions');
  },
});

export const replaced = defineCase({
  id: 'vhost-user/memory/new-table-replaces-the-old-one',
  title: 'buffers in a region that a new memory table leaves out are not written any more',
  proves: { 'vu-memory/mem-table-replaces-regions': 'mem-table-added-to-earlier' },
  applies: { start: 'negotiated', transports, shareMemory: false },
  run({ port, session, driverOf, ring, requirement }) {
    const check = requirement('vu-memory/mem-table-replaces-regions');
    const kept = port.createGuest(guestLayouts['single-region']);
    const gone = port.createGuest(guestLayouts['below-and-above-4gib']);
    const driver = driverOf(session, kept);
    check.granted(session.messages.acknowledged(tableOf(port, kept, gone)), 'the first table');
    check.accepted(session.messages.acknowledged(tableOf(port, kept)), 'the second table');
    const queue = driver.attach(ring({ guest: kept, size: 16 }));
    check.equal(driver.once(queue), undefined, 'what is wrong with a request in the region that stayed');
    const buffers = driverOf(session, gone);
    const writes = driver.writes(queue, buffers);
    let before = snapshot(gone);
    writes.ask({
      laidOut: () => {
        before = snapshot(gone);
      },
    });
    session.messages.fence();
    writes.stopAll();
    check.unchanged(before.guest, changes(before), 'memory in regions that were left out');
  },
});
