import { ioVirtualAddress } from '../../reference-impl/memory/addresses.ts';
import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import { changes, snapshot } from '../../reference-impl/memory/snapshot.ts';
import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import { defineCase } from '../case.ts';
import { serves, servesAll } from '../virtio/service.ts';
import { mapGuest, unmapGuest } from './device-memory.ts';
import { addressesOf, ringDoorbell, setAddresses, setState } from './ring-messages.ts';
import { isNotWritten, isWritten } from './written-buffers.ts';

/** Memory of layout L2: what the container maps, and what becomes of a device whose memory comes and goes. */

const transports = ['vhost-mdev'] as const;
const applies = { start: 'negotiated', transports, needs: ['layout-l2'] } as const;
const distance = 0x1000_0000_0000n;

const shifted = (segment: Segment): Segment => ({
  ...segment,
  ioVirtualAddress: ioVirtualAddress(segment.ioVirtualAddress + distance),
});

export const elsewhere = defineCase({
  id: 'vhost-mdev/mapped-memory/addresses-are-those-of-the-mappings',
  title: 'rings and buffers are found where the container maps them, and not where they were mapped before',
  proves: { 'vm-memory/l2-reaches-mapped-memory': 'mdev-memory-mapped-once' },
  applies,
  run({ session, guest, driver, ring, requirement }) {
    const check = requirement('vm-memory/l2-reaches-mapped-memory');
    const queue = driver.attach(ring({ size: 16 }));
    const rings = [queue, ...driver.companions()];
    setState(session, 0);
    check.equal(mapGuest(session, guest, { distance }), 'taken', 'the same memory at another address');
    check.equal(unmapGuest(session, guest), 'taken', 'the first mappings taken away');
    for (const { index, ring } of rings) {
      const { desc, avail, used } = addressesOf(session, ring);
      setAddresses(session, index, { desc: desc + distance, avail: avail + distance, used: used + distance });
    }
    check.equal(setState(session, 1), 'taken', 'a start with rings where they are');
    const requests = [1, 2].map((seed) => driver.request({ seed }));
    const heads = queue.makeAvailable(requests.map(({ segments }) => segments.map(shifted)));
    const used = queue.kickAndWaitForUsed(heads.length).map(({ id }) => id);
    check.sameMembers(used, heads, 'heads that came back');
    for (const request of requests) check.equal(request.problem(), undefined, 'what is wrong with a request');
  },
});

export const late = defineCase({
  id: 'vhost-mdev/mapped-memory/memory-mapped-while-running-is-reached',
  title: 'a buffer in memory that was mapped while the device runs is written at once, and its rings go on',
  proves: { 'vm-memory/l2-reaches-memory-mapped-late': 'mdev-mapping-over-4-gib-refused' },
  applies,
  run({ port, session, driverOf, driver, ring, requirement }) {
    const check = requirement('vm-memory/l2-reaches-memory-mapped-late');
    const queue = driver.attach(ring({ size: 16 }));
    const writesBefore = driver.writes(queue);
    isWritten(check, writesBefore, 'a buffer in memory that it had', 1);
    const more = port.createGuest(guestLayouts['crossing-4gib']);
    check.equal(mapGuest(session, more), 'taken', 'a mapping while the device runs');
    const buffers = driverOf(session, more);
    const writes = driver.writes(queue, buffers);
    isWritten(check, writes, 'a buffer in memory that was mapped late', 3);
  },
});

export const bufferGone = defineCase({
  id: 'vhost-mdev/mapped-memory/unmapped-buffers-are-not-written',
  title: 'a request to write where memory was unmapped while the device runs writes nothing there; it is served anew',
  proves: { 'vm-memory/l2-unmapped-buffer-not-written': 'mdev-unmapped-memory-reached' },
  applies,
  run({ port, session, driverOf, driver, ring, requirement }) {
    const check = requirement('vm-memory/l2-unmapped-buffer-not-written');
    const more = port.createGuest(guestLayouts['single-region']);
    mapGuest(session, more);
    const queue = driver.attach(ring({ size: 16 }));
    const buffers = driverOf(session, more);
    const writes = driver.writes(queue, buffers);
    isWritten(check, writes, 'a buffer that is mapped', 1);
    check.equal(unmapGuest(session, more), 'taken', 'unmapping while the device runs');
    isNotWritten({ port, session, driver, ring }, check, writes, more, 'memory that was unmapped');
  },
});

export const ringGone = defineCase({
  id: 'vhost-mdev/mapped-memory/unmapped-rings-are-not-touched',
  title: 'a ring that is unmapped while the device runs is not written any more, and the device lives on',
  proves: { 'vm-memory/l2-unmapped-ring-not-touched': 'mdev-unmapped-ring-served' },
  applies,
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vm-memory/l2-unmapped-ring-not-touched');
    const more = port.createGuest(guestLayouts['adjacent-regions']);
    mapGuest(session, more);
    const queue = driver.attach(ring({ guest: more, size: 16 }));
    if (!serves({ port, driver }, check, queue, 'a request before')) return;
    unmapGuest(session, more);
    queue.makeAvailable([driver.request({ seed: 2 }).segments]);
    const before = snapshot(more);
    ringDoorbell(session, queue.index);
    session.fence();
    setState(session, 0);
    check.unchanged(before.guest, changes(before), 'memory in memory that was unmapped');
    const again = driver.attach(ring({ size: 16 }));
    serves({ port, driver }, check, again, 'a request on a ring that is mapped', { seed: 3 });
  },
});

export const othersGoOn = defineCase({
  id: 'vhost-mdev/mapped-memory/other-rings-go-on-when-one-is-unmapped',
  title: 'a ring whose memory stays is served while that of another ring goes and comes, without a stop',
  proves: { 'vm-memory/l2-unmap-leaves-other-rings': 'mdev-change-of-memory-stops-others' },
  applies: { ...applies, devices: ['net'] },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vm-memory/l2-unmap-leaves-other-rings');
    const more = port.createGuest(guestLayouts['single-region']);
    mapGuest(session, more);
    const receive = driver.companionIndices[0] ?? driver.queueIndex;
    session.attach(ring({ guest: more, size: 16 }), { index: receive });
    const queue = session.attach(ring({ size: 2 }), { index: driver.queueIndex });
    if (!serves({ port, driver }, check, queue, 'a frame before')) return;
    check.equal(unmapGuest(session, more), 'taken', 'unmapping the other ring');
    for (const seed of [2, 3]) {
      if (!serves({ port, driver }, check, queue, `frame ${seed} with the other ring gone`, { seed })) return;
    }
    check.equal(mapGuest(session, more), 'taken', 'mapping it again');
    serves({ port, driver }, check, queue, 'a frame with the other ring back', { seed: 4 });
  },
});

export const mappedAgain = defineCase({
  id: 'vhost-mdev/mapped-memory/ring-mapped-again-goes-on',
  title: 'a ring that was unmapped and mapped again goes on after a stop and a start with the chain that it missed',
  proves: { 'vm-memory/l2-ring-mapped-again-goes-on': 'mdev-lost-ring-begins-anew' },
  applies,
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vm-memory/l2-ring-mapped-again-goes-on');
    const more = port.createGuest(guestLayouts['single-region']);
    mapGuest(session, more);
    const queue = driver.attach(ring({ guest: more, size: 16 }));
    for (let seed = 1; seed <= 11; seed++) {
      if (!serves({ port, driver }, check, queue, `request ${seed}`, { seed })) return;
    }
    const request = driver.request({ seed: 12 });
    unmapGuest(session, more);
    queue.makeAvailable([request.segments]);
    ringDoorbell(session, queue.index);
    session.fence();
    setState(session, 0);
    check.equal(mapGuest(session, more), 'taken', 'mapping it again');
    check.equal(setState(session, 1), 'taken', 'the next start');
    queue.kick();
    const used = servesAll(port, check, queue, 1, 'used elements after the next start');
    check.equal(used.length, 1, 'the chain that was missed');
    check.equal(request.problem(), undefined, 'what is wrong with it');
    setState(session, 0);
    check.equal(queue.usedCount(), 12, 'used idx after 12 requests');
  },
});

export const readOnly = defineCase({
  id: 'vhost-mdev/mapped-memory/read-only-memory-is-read-and-not-written',
  title: 'memory that is mapped to be read serves what is read from it, and is not written',
  proves: { 'vm-memory/l2-read-only-memory-not-written': 'mdev-read-only-memory-written' },
  applies,
  run({ port, session, driverOf, driver, ring, requirement }) {
    const check = requirement('vm-memory/l2-read-only-memory-not-written');
    const more = port.createGuest(guestLayouts['single-region']);
    check.equal(mapGuest(session, more, { permission: 'read' }), 'taken', 'a mapping to be read alone');
    const queue = driver.attach(ring({ size: 16 }));
    const buffers = driverOf(session, more);
    const readable = buffers.request().segments.filter(({ writable }) => !writable);
    const writable = driver.request().segments.filter((segment) => segment.writable);
    queue.makeAvailable([[...readable, ...writable]]);
    queue.kick();
    if (servesAll(port, check, queue, 1, 'a request read from there').length === 0) return;
    const writes = driver.writes(queue, buffers);
    isNotWritten({ port, session, driver, ring }, check, writes, more, 'memory to be read alone');
  },
});

export const writeOnly = defineCase({
  id: 'vhost-mdev/mapped-memory/write-only-memory-is-written',
  title: 'a buffer to be written is written in memory that is mapped to be written alone',
  proves: { 'vm-memory/l2-reaches-mapped-memory': 'mdev-write-only-memory-not-written' },
  applies: { ...applies, devices: ['net', 'entropy'] },
  run({ port, session, driverOf, driver, ring, requirement }) {
    const check = requirement('vm-memory/l2-reaches-mapped-memory');
    const more = port.createGuest(guestLayouts['single-region']);
    check.equal(mapGuest(session, more, { permission: 'write' }), 'taken', 'a mapping to be written alone');
    const queue = driver.attach(ring({ size: 16 }));
    isWritten(check, driver.writes(queue, driverOf(session, more)), 'a buffer in memory to be written alone', 1);
  },
});

export const goneAtStart = defineCase({
  id: 'vhost-mdev/mapped-memory/ring-unmapped-while-stopped-fails-the-start',
  title: 'a ring that was unmapped while the device is stopped makes the start fail, and is served once it is mapped',
  proves: { 'vm-state/ring-nowhere-fails-start': 'mdev-runs-without-bad-ring' },
  applies,
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vm-state/ring-nowhere-fails-start');
    const more = port.createGuest(guestLayouts['single-region']);
    mapGuest(session, more);
    const queue = driver.attach(ring({ guest: more, size: 16 }));
    if (!serves({ port, driver }, check, queue, 'a request before')) return;
    setState(session, 0);
    check.equal(unmapGuest(session, more), 'taken', 'unmapping while it is stopped');
    check.notEqual(setState(session, 1), 'taken', 'the start without it');
    check.equal(mapGuest(session, more), 'taken', 'mapping it again');
    check.equal(setState(session, 1), 'taken', 'the start with it');
    serves({ port, driver }, check, queue, 'a request afterwards', { seed: 2 });
  },
});
