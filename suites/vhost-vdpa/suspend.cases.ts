import { seenWithinMs } from '../../judging/deadline.ts';
import { defineCase } from '../case.ts';
import { takes } from '../vhost-kernel/refusal.ts';
import { servesAll } from '../virtio/service.ts';

/** SUSPEND and RESUME. */

const transports = ['vhost-vdpa'] as const;

export const standsStill = defineCase({
  id: 'vhost-vdpa/suspend/suspended-rings-stand-still',
  title: 'behind SUSPEND no buffer is used although the ring is kicked, and its base stays',
  proves: { 'vk-suspend/suspended-rings-stand-still': 'vdpa-serves-while-suspended' },
  applies: { start: 'negotiated', transports, offers: ['VHOST_BACKEND_F_SUSPEND'] },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vk-suspend/suspended-rings-stand-still');
    const { calls } = session;
    const queue = driver.attach(ring({ size: 16 }));
    driver.warmUp(queue);
    if (!takes(check, calls.suspend(), 'SUSPEND')) return;
    const before = { used: queue.usedCount(), base: baseOf(calls.base(queue.index)) };
    queue.makeAvailable([driver.request({ seed: 2 }).segments]);
    queue.kick();
    port.until(() => queue.usedCount() !== before.used, seenWithinMs(port));
    session.fence();
    check.equal(queue.usedCount(), before.used, 'used elements behind SUSPEND');
    check.equal(baseOf(calls.base(queue.index)), before.base, 'the base behind the kick');
  },
});

const baseOf = (told: { readonly num: number } | number): number => (typeof told === 'number' ? told : told.num);

export const resumes = defineCase({
  id: 'vhost-vdpa/suspend/resumption-loses-nothing',
  title: 'what was made available and kicked while suspended is used behind RESUME, once',
  proves: {
    'vk-suspend/resume-loses-nothing': ['vdpa-resumption-begins-anew', 'vdpa-resumption-goes-two-back'],
  },
  applies: {
    start: 'negotiated',
    transports,
    offers: ['VHOST_BACKEND_F_SUSPEND', 'VHOST_BACKEND_F_RESUME'],
  },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vk-suspend/resume-loses-nothing');
    const { calls } = session;
    const queue = driver.attach(ring({ size: 16 }));
    for (const seed of [1, 2, 3]) driver.warmUp(queue, { seed });
    if (!takes(check, calls.suspend(), 'SUSPEND')) return;
    // One: some network devices take a single frame at a kick where there is no receive buffer.
    const request = driver.request({ seed: 4 });
    const heads = queue.makeAvailable([request.segments]);
    queue.kick();
    if (!takes(check, calls.resume(), 'RESUME')) return;
    check.sameMembers(servesAll(port, check, queue, heads.length, 'used elements behind RESUME'), heads, 'heads');
    check.equal(request.problem(), undefined, 'what is wrong with the request');
    session.fence();
    check.equal(queue.usedCount(), 4, 'used elements in all');
  },
});
