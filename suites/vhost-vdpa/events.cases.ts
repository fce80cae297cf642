import { defineCase } from '../case.ts';
import { serves } from '../virtio/service.ts';
import { takes } from './refusal.ts';

/** Events that -1 takes away. */

const applies = { start: 'negotiated', transports: ['vhost-vdpa'] } as const;

export const unbound = defineCase({
  id: 'vhost-vdpa/vring/call-that-was-taken-away-is-not-signalled',
  title: 'an event for calls is signalled until -1 takes it away, and the ring is served on',
  proves: { 'vk-vring/event-descriptors-checked': 'vdpa-unbound-events-are-signalled' },
  applies,
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vk-vring/event-descriptors-checked');
    const { descriptors } = port;
    const event = descriptors.eventfd();
    const queue = driver.attach(ring({ size: 16 }));
    if (!takes(check, session.calls.setEvent('call', queue.index, event), 'SET_VRING_CALL')) return;
    driver.warmUp(queue);
    session.fence();
    check.presumes(descriptors.read(event) > 0, 'a used buffer signals the event');
    if (!takes(check, session.calls.setEvent('call', queue.index, -1), 'SET_VRING_CALL with -1')) return;
    descriptors.read(event);
    serves({ port, driver }, check, queue, 'a request without an event', { seed: 2 });
    session.fence();
    check.equal(descriptors.read(event), 0, 'signals of the event that was taken away');
  },
});
