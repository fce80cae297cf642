import { defineCase } from '../case.ts';
import { growsNot } from '../resource-growth.ts';
import { serves } from '../virtio/service.ts';
import { eventsOf } from './calls-of.ts';
import { takes } from './refusal.ts';

/** Events that -1 takes away, or that another takes the place of. */

const applies = { start: 'negotiated', transports: ['vhost-vdpa', 'vhost-kernel'] } as const;

export const unbound = defineCase({
  id: 'vhost-kernel/vring/call-that-was-taken-away-is-not-signalled',
  title: 'an event for calls is signalled until -1 takes it away, and the ring is served on',
  proves: {
    'vk-vring/event-descriptors-checked': [
      'vdpa-unbound-events-are-signalled',
      'vhost-net-unbound-events-are-signalled',
    ],
  },
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

export const released = defineCase({
  id: 'vhost-kernel/vring/replaced-events-are-let-go',
  title: 'events of a ring, of configuration and of the log that were replaced or taken away are held no more',
  proves: {
    'vk-vring/replaced-event-is-released': ['vdpa-replaced-events-are-held', 'vhost-net-replaced-events-are-held'],
  },
  applies: { ...applies, needs: ['resources'], ring: 'none' },
  run({ session, port, requirement }) {
    const check = requirement('vk-vring/replaced-event-is-released');
    for (const [name, setEvent] of Object.entries(eventsOf(port))) {
      const set = (fd: number): number => setEvent(session, fd);
      growsNot(port, check, `descriptors that the device holds behind ${name}, twice and with -1`, () => {
        const events = [port.descriptors.eventfd(), port.descriptors.eventfd()];
        for (const fd of [...events, -1]) check.presumes(set(fd) >= 0, `${name} with ${fd === -1 ? -1 : 'an event'}`);
        for (const fd of events) port.descriptors.close(fd);
      });
    }
  },
});
