import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import { changes, snapshot } from '../../reference-impl/memory/snapshot.ts';
import { splitPosition } from '../../reference-impl/virtqueue/ring.ts';
import { defineCase } from '../case.ts';
import { settled, stoppedAt } from '../ring-positions.ts';
import { CarriedMemory } from './carried-memory.ts';
import { hex } from './dirty-pages.ts';
import { serves, stayOn } from './stay.ts';

/** Migrations of which one side dies under way ("Ring states", "Migration", "Suspended device state"). */

const applies = {
  start: 'closed',
  transports: ['vhost-user'],
  needs: ['initial-base', 'restart'],
  iuts: 2,
} as const;

export const destinationDies = defineCase({
  id: 'vhost-user/migration/source-goes-on-where-the-destination-died',
  title:
    'where the second dies with requests under way, the first goes on at its base: memory is byte for byte as it was at the stop, and so is data',
  proves: {
    'vu-vring/resume-from-saved-base': 'set-base-ignored',
    'vu-suspended/no-guest-memory-writes': 'writes-into-stopped-ring',
  },
  applies: {
    ...applies,
    negotiate: ['VHOST_F_LOG_ALL', 'VHOST_USER_PROTOCOL_F_LOG_SHMFD'],
    memory: 'single-region',
    shareMemory: false,
  },
  run({ port, other, connect, driverOf, ring: ringOf, requirement }) {
    const resumes = requirement('vu-vring/resume-from-saved-base');
    const rests = requirement('vu-suspended/no-guest-memory-writes');
    const layout = guestLayouts['single-region'];
    const guest = port.createGuest(layout);
    const ring = ringOf({ guest, size: 16 });
    const memory = new CarriedMemory(guest);
    const source = stayOn({ port, session: connect('negotiated'), guest, driverOf, ring }, resumes);
    if (!serves(resumes, source, [1, 2], 'the first')) return;
    const companions = source.driver.companions();
    const stopped = stoppedAt(resumes, source.queue.stop(), 'GET_VRING_BASE');
    if (stopped === undefined) return;
    for (const companion of companions) resumes.equal(companion.stop().kind, 'stopped', 'a ring beside it');
    const atStop = snapshot(guest);

    const copy = other.createGuest(layout);
    const rings = [ring, ...companions.map((companion) => companion.ring)];
    const left = memory.carry(copy, rings, source.log.marked());
    resumes.presumes(left.length === 0, `the pages ${hex(left)}, which differ in the copy, were marked`);
    const there = ringOf({ guest: copy, size: 16, position: settled(stopped) });
    const session = connect('negotiated', 'other');
    const destination = stayOn({ port: other, session, guest: copy, driverOf, ring: there }, resumes);
    if (!serves(resumes, destination, [3], 'the second')) return;
    destination.queue.makeAvailable([5, 6].map((seed) => destination.driver.request({ seed }).segments));
    destination.queue.kick();
    other.iut.restart();

    rests.reply(source.session.messages.fence(), 'GET_FEATURES on the first');
    rests.unchanged(guest, changes(atStop), 'memory of the guest on the first, since its rings were stopped');
    source.session.close();
    const again = ringOf({ guest, size: 16, position: settled(stopped) });
    const back = stayOn({ port, session: connect('negotiated'), guest, driverOf, ring: again }, resumes);
    serves(resumes, back, [7, 8], 'the first again');
  },
});

export const sourceDies = defineCase({
  id: 'vhost-user/migration/destination-goes-on-where-the-source-died',
  title:
    'where the first dies with a request under way, the second goes on in the same memory behind the last that was used: it is used once, and holds its data',
  proves: { 'vu-vring/resume-from-saved-base': 'set-base-ignored' },
  applies: { ...applies, ring: 'split' },
  run({ port, other, connect, guest, driverOf, ring: ringOf, requirement }) {
    const check = requirement('vu-vring/resume-from-saved-base');
    const ring = ringOf({ size: 16 });
    const driver = driverOf(connect('negotiated'));
    const source = driver.attach(ring);
    for (const seed of [1, 2, 3]) driver.warmUp(source, { seed });
    // One alone: of several the used idx does not tell which were used.
    const request = driver.request({ seed: 4 });
    const heads = source.makeAvailable([request.segments]);
    source.kick();
    port.iut.restart();

    // It may have used it before it died.
    const position = splitPosition(ring.usedIdx());
    const session = connect('negotiated', 'other');
    const destination = driverOf(session, guest).attach(ring, { position });
    destination.kick();
    const all = 4;
    const outcome = other.until(() => ring.usedIdx() >= all, other.deadlineMs);
    if (outcome === 'deadline') {
      check.silence('used idx behind the request that was under way', `${all}`, other.deadlineMs);
      return;
    }
    if (!check.equal(outcome, 'true', 'the request that was under way, on the second')) return;
    destination.stop();
    check.equal(ring.usedIdx(), all, 'used idx in the end');
    const ids = source.driver.reapUsed().map(({ id }) => id);
    check.sameMembers(ids, heads, 'the head of the request that was under way');
    check.equal(request.problem(), undefined, 'the request that was under way');
  },
});
