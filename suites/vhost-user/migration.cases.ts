import type { DriverPort, Guest, VhostUserSession } from '../../drivers/port/port.ts';
import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import { defineCase } from '../case.ts';
import { settled, stoppedAt } from '../ring-positions.ts';
import { CarriedMemory } from './carried-memory.ts';
import { hex } from './dirty-pages.ts';
import { type Stay, serves, stayOn } from './stay.ts';

/** A ring that one back-end stops and another goes on with ("Ring states", "Migration"). */

export const goesOnElsewhere = defineCase({
  id: 'vhost-user/migration/other-back-end-goes-on-at-the-base',
  title:
    'a back-end goes on at the base and in the memory that another left: with what waits, and with nothing before it',
  proves: { 'vu-vring/resume-from-saved-base': ['set-base-ignored', 'base-taken-from-used-idx'] },
  applies: { start: 'negotiated', transports: ['vhost-user'], needs: ['initial-base'], iuts: 2 },
  run({ other, driver, driverOf, connect, ring: ringOf, requirement }) {
    const check = requirement('vu-vring/resume-from-saved-base');
    const ring = ringOf({ size: 16 });
    const source = driver.attach(ring);
    for (const seed of [1, 2, 3])
      check.equal(driver.once(source, { seed }), undefined, `request ${seed}, on the first`);
    const position = stoppedAt(check, source.stop(), 'GET_VRING_BASE of the first');
    if (position === undefined) return;
    const waiting = [4, 5].map((seed) => driver.request({ seed }));
    const heads = source.makeAvailable(waiting.map(({ segments }) => segments));
    const destination = driverOf(connect('negotiated', 'other')).attach(ring, { position: settled(position) });
    destination.kick();
    const outcome = other.until(() => source.usedCount() >= 5, other.deadlineMs);
    if (outcome !== 'true' && outcome !== 'deadline') {
      check.equal(outcome, 'true', 'chains that waited, on the second');
      return;
    }
    if (outcome === 'deadline') {
      check.silence('used elements after two chains that waited, on the second', '5', other.deadlineMs);
      return;
    }
    destination.stop();
    check.equal(source.usedCount(), 5, 'used elements in the end');
    const ids = source.driver.reapUsed().map(({ id }) => id);
    check.sameMembers(ids, heads, 'heads of the chains that waited');
    for (const request of waiting) check.equal(request.problem(), undefined, 'a request that waited');
  },
});

export const memoryIsCarried = defineCase({
  id: 'vhost-user/migration/marked-pages-carry-what-a-device-wrote',
  title:
    "from one back-end to another and back: memory is the same there with the driver's writes, the rings and the pages that the log marked, and each goes on where the other stopped",
  proves: {
    'vu-log/buffer-writes-marked': 'log-leaves-buffers-out',
    'vu-vring/resume-from-saved-base': 'set-base-ignored',
  },
  applies: {
    start: 'closed',
    transports: ['vhost-user'],
    negotiate: ['VHOST_F_LOG_ALL', 'VHOST_USER_PROTOCOL_F_LOG_SHMFD'],
    needs: ['initial-base'],
    memory: 'single-region',
    shareMemory: false,
    iuts: 2,
  },
  run({ port, other, connect, driverOf, ring: ringOf, requirement }) {
    const marks = requirement('vu-log/buffer-writes-marked');
    const resumes = requirement('vu-vring/resume-from-saved-base');
    const begin = (at: DriverPort<VhostUserSession>, guest: Guest, ring: ReturnType<typeof ringOf>): Stay =>
      stayOn(
        {
          port: at,
          session: at === port ? connect('negotiated') : connect('negotiated', 'other'),
          guest,
          driverOf,
          ring,
        },
        marks,
      );
    const layout = guestLayouts['single-region'];
    const first = port.createGuest(layout);
    let ring = ringOf({ guest: first, size: 16 });
    let memory = new CarriedMemory(first);
    let stay = begin(port, first, ring);
    if (!serves(resumes, stay, [1, 2], 'the first')) return;
    for (const [seed, [at, where]] of [[other, 'the second'] as const, [port, 'the first again'] as const].entries()) {
      const companions = stay.driver.companions();
      const position = stoppedAt(resumes, stay.queue.stop(), 'GET_VRING_BASE');
      if (position === undefined) return;
      for (const companion of companions) marks.equal(companion.stop().kind, 'stopped', 'a ring beside it');
      const guest = at.createGuest(layout);
      const rings = [ring, ...companions.map((companion) => companion.ring)];
      ring = ringOf({ guest, size: 16, position: settled(position) });
      const left = memory.carry(guest, rings, stay.log.marked());
      marks.equal(hex(left), '', `pages that differ on the way to ${where}, and were not marked`);
      stay.session.close();
      memory = new CarriedMemory(guest);
      stay = begin(at, guest, ring);
      if (!serves(resumes, stay, [2 * seed + 3, 2 * seed + 4], where)) return;
    }
  },
});
