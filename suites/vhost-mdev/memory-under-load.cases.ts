import type { DeviceDriver } from '../../drivers/devices/device-driver.ts';
import type { Guest, Queue, VhostMdevSession } from '../../drivers/port/port.ts';
import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import { changes, snapshot } from '../../reference-impl/memory/snapshot.ts';
import { defineCase } from '../case.ts';
import type { Check } from '../check.ts';
import { serves } from '../virtio/service.ts';
import { type Answer, mapGuest, regionsOf, setTable, tableOf, unmapGuest } from './device-memory.ts';
import { setState } from './ring-messages.ts';

/** Memory that goes away while the device has a lot to write there. */

const transports = ['vhost-mdev'] as const;
const rounds = 4;
const lot = 8;

interface Load {
  readonly session: VhostMdevSession;
  readonly driver: DeviceDriver;
  readonly buffers: DeviceDriver;
  readonly queue: Queue;
}

/** Lays out requests that write to the memory of `buffers`. The answer shows the device some of them. */
function laidOut({ driver, buffers, queue }: Load, count: number): (from: number, to: number) => void {
  const seeds = Array.from({ length: count }, (_, seed) => seed);
  if (driver.kind !== 'net') {
    const requests = seeds.map((seed) => buffers.request({ bytes: 4096, seed }).segments);
    return (from, to) => {
      queue.makeAvailable(requests.slice(from, to));
      queue.kick();
    };
  }
  const receive = driver.companion(driver.net.facts.receiveIndex);
  const into = seeds.map(() => buffers.net.receiveBuffer().request.segments);
  const frames = seeds.map((seed) => driver.net.transmit({ seed, bytes: 1000 }).segments);
  return (from, to) => {
    receive.makeAvailable(into.slice(from, to));
    receive.kick();
    queue.makeAvailable(frames.slice(from, to));
    queue.kick();
  };
}

/** Shows a lot of requests, takes their memory away, shows more, and looks at what changed in between. */
function writesAfterwards(load: Load, of: Guest, check: Check, takeAway: () => Answer): void {
  const show = laidOut(load, 2 * lot);
  show(0, lot);
  check.equal(takeAway(), 'taken', 'taking the memory away');
  const before = snapshot(of);
  show(lot, 2 * lot);
  load.session.fence();
  setState(load.session, 0);
  check.unchanged(before.guest, changes(before), 'memory in memory that was taken away');
}

const applies = { start: 'closed', transports, memory: 'single-region' } as const;

export const unmapped = defineCase({
  id: 'vhost-mdev/mapped-memory/nothing-is-written-once-unmapped-under-load',
  title:
    'once an unmapping has returned nothing is written there, however much was asked for just before and behind it',
  proves: { 'vm-memory/l2-unmapped-buffer-not-written': 'mdev-unmapped-memory-reached' },
  applies: { ...applies, needs: ['layout-l2'] },
  run({ port, connect, guest, driverOf, ring, requirement }) {
    const check = requirement('vm-memory/l2-unmapped-buffer-not-written');
    const more = port.createGuest(guestLayouts['crossing-4gib']);
    for (let round = 1; round <= rounds; round++) {
      const marks = [guest.mark(), more.mark()] as const;
      const session = connect('negotiated');
      const driver = driverOf(session);
      mapGuest(session, more);
      const queue = driver.attach(ring({ size: 64 }));
      writesAfterwards({ session, driver, buffers: driverOf(session, more), queue }, more, check, () =>
        unmapGuest(session, more),
      );
      session.close();
      guest.release(marks[0]);
      more.release(marks[1]);
    }
    const driver = driverOf(connect('negotiated'));
    const queue = driver.attach(ring({ size: 16 }));
    serves({ port, driver }, check, queue, 'a request of the next session');
  },
});

export const tableReplaced = defineCase({
  id: 'vhost-mdev/memory-table/nothing-is-written-once-removed-under-load',
  title: 'once a table without a region was taken nothing is written there, however much was asked for around it',
  proves: { 'vm-memory/l1-removed-region-not-written': 'mdev-smaller-table-ignored' },
  applies: { ...applies, needs: ['layout-l1'] },
  run({ port, connect, guest, driverOf, ring, requirement }) {
    const check = requirement('vm-memory/l1-removed-region-not-written');
    const more = port.createGuest(guestLayouts['crossing-4gib']);
    for (let round = 1; round <= rounds; round++) {
      const marks = [guest.mark(), more.mark()] as const;
      const session = connect('negotiated');
      const driver = driverOf(session);
      setTable(session, tableOf(regionsOf([guest, more])));
      const queue = driver.attach(ring({ size: 64 }));
      const takeAway = () => setTable(session, tableOf(regionsOf([guest])));
      writesAfterwards({ session, driver, buffers: driverOf(session, more), queue }, more, check, takeAway);
      session.close();
      guest.release(marks[0]);
      more.release(marks[1]);
    }
    const driver = driverOf(connect('negotiated'));
    const queue = driver.attach(ring({ size: 16 }));
    serves({ port, driver }, check, queue, 'a request of the next session');
  },
});
