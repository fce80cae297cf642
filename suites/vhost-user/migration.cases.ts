import { defineCase } from '../case.ts';
import { settled, stoppedAt } from '../ring-positions.ts';

/** A ring that one back-end stops and another goes on with ("Starting and stopping", "Migration"). */

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
