import { defineCase } from '../case.ts';
import { CountedEvent } from '../counted-event.ts';
import { rest } from './doorbells.ts';
import { setState } from './ring-messages.ts';
import { setEvents } from './vectors.ts';

/** What the driver says in its ring reaches the vector (virtio 2.7.7, 2.7.10). */

const transports = ['vhost-mdev'] as const;
const someSignal = { expected: 'at least 1', actual: '0' };

export const noInterruptFlag = defineCase({
  id: 'vhost-mdev/interrupts/no-interrupt-flag-keeps-vector-silent',
  title: 'with VIRTQ_AVAIL_F_NO_INTERRUPT set the vector of a ring is not signalled, and once it is clear it is again',
  proves: { 'vm-irq/suppressed-ring-is-silent': 'mdev-suppressed-ring-signals' },
  applies: { start: 'negotiated', transports, without: ['VIRTIO_F_EVENT_IDX'] },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-irq/suppressed-ring-is-silent');
    const queue = driver.attach(ring({ size: 16 }));
    const event = new CountedEvent(port);
    setEvents(session, queue.index, [event]);
    driver.warmUp(queue);
    event.wait();
    rest(port);
    event.take();
    queue.driver.disableCalls();
    for (const seed of [2, 3, 4]) driver.warmUp(queue, { seed });
    setState(session, 0);
    check.equal(event.take(), 0, 'signals for 3 requests with the flag set');
    queue.driver.enableCalls();
    setState(session, 1);
    driver.warmUp(queue, { seed: 5 });
    check.holds(event.wait() > 0, 'signals once the flag is clear', someSignal);
  },
});

export const usedEvent = defineCase({
  id: 'vhost-mdev/interrupts/used-event-keeps-vector-silent',
  title: 'the vector of a ring is not signalled short of used_event, and is by the used element that reaches it',
  proves: { 'vm-irq/suppressed-ring-is-silent': 'mdev-suppressed-ring-signals' },
  applies: { start: 'negotiated', transports, negotiate: ['VIRTIO_F_EVENT_IDX'] },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-irq/suppressed-ring-is-silent');
    const queue = driver.attach(ring({ size: 16 }), { eventIdx: true });
    const event = new CountedEvent(port);
    setEvents(session, queue.index, [event]);
    driver.warmUp(queue);
    event.wait();
    rest(port);
    event.take();
    queue.driver.enableCalls(9);
    for (const seed of [2, 3, 4]) driver.warmUp(queue, { seed });
    setState(session, 0);
    check.equal(event.take(), 0, 'signals for 3 requests while used_event is 9 ahead');
    queue.driver.enableCalls();
    setState(session, 1);
    driver.warmUp(queue, { seed: 5 });
    check.holds(event.wait() > 0, 'signals for the used element at used_event', someSignal);
  },
});
