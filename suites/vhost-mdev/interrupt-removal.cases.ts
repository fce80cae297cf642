import { defineCase } from '../case.ts';
import { CountedEvent } from '../counted-event.ts';
import { presupposed } from '../premise.ts';
import { growsNot } from '../resource-growth.ts';
import { ringCount, setState } from './ring-messages.ts';
import { descriptorData, setEvents, setIrqs } from './vectors.ts';

/** Event descriptors that are taken away. */

const transports = ['vhost-mdev'] as const;

export const minusOne = defineCase({
  id: 'vhost-mdev/interrupts/minus-one-takes-descriptor-away',
  title: 'after descriptor -1 the one of before is not signalled any more, and can be set again',
  proves: { 'vm-irq/minus-one-drops-descriptor': 'mdev-minus-one-keeps-descriptor' },
  applies: { start: 'negotiated', transports },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-irq/minus-one-drops-descriptor');
    const queue = driver.attach(ring({ size: 16 }));
    const event = new CountedEvent(port);
    setEvents(session, queue.index, [event]);
    driver.warmUp(queue);
    check.equal(setEvents(session, queue.index, [undefined]), 'taken', 'VFIO_DEVICE_SET_IRQS with descriptor -1');
    event.take();
    for (const seed of [2, 3]) driver.warmUp(queue, { seed });
    setState(session, 0);
    check.equal(event.take(), 0, 'signals after it was taken away');
    setEvents(session, queue.index, [event]);
    setState(session, 1);
    driver.warmUp(queue, { seed: 4 });
    check.holds(event.wait() > 0, 'signals once it is set again', { expected: 'at least 1', actual: '0' });
  },
});

export const countZero = defineCase({
  id: 'vhost-mdev/interrupts/count-zero-takes-descriptors-away',
  title: 'after VFIO_DEVICE_SET_IRQS with count 0, as the client of layout L1 does it, nothing is signalled',
  proves: { 'vm-irq/count-zero-drops-descriptors': 'mdev-count-zero-keeps-descriptors' },
  // The text of layout L2 has no effect here: what a device of it does is left open.
  applies: { start: 'negotiated', transports, needs: ['layout-l1'] },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-irq/count-zero-drops-descriptors');
    const queue = driver.attach(ring({ size: 16 }));
    const event = new CountedEvent(port);
    setEvents(session, queue.index, [event]);
    driver.warmUp(queue);
    check.equal(session.vfio.dropIrqs(session.places.interrupts), 0, 'VFIO_DEVICE_SET_IRQS with count 0');
    event.take();
    for (const seed of [2, 3]) driver.warmUp(queue, { seed });
    setState(session, 0);
    check.equal(event.take(), 0, 'signals afterwards');
  },
});

export const countZeroFrom = defineCase({
  id: 'vhost-mdev/interrupts/count-zero-leaves-vectors-before-its-start',
  title: 'after VFIO_DEVICE_SET_IRQS with count 0 from vector 1 on, vector 0 is signalled as before',
  proves: { 'vm-irq/count-zero-drops-from-start': 'mdev-count-zero-drops-all' },
  applies: { start: 'negotiated', transports, devices: ['net'] },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-irq/count-zero-drops-from-start');
    const queue = driver.attach(ring({ size: 16 }));
    const event = new CountedEvent(port);
    setEvents(session, 0, [event, event]);
    check.equal(session.vfio.dropIrqs(session.places.interrupts, 1), 0, 'VFIO_DEVICE_SET_IRQS with count 0');
    event.take();
    presupposed(port, check, 'a frame there and back', () => driver.transfer(queue));
    check.holds(event.wait() > 0, 'signals of vector 0', { expected: 'at least 1', actual: '0' });
  },
});

export const released = defineCase({
  id: 'vhost-mdev/interrupts/dropped-descriptors-are-let-go',
  title:
    'event descriptors that were replaced, taken away or given in vain are held no more: the device holds none in the end',
  proves: { 'vm-irq/dropped-descriptor-is-released': 'mdev-dropped-descriptors-held' },
  applies: { start: 'closed', transports, needs: ['resources'], ring: 'none' },
  run({ connect, port, requirement }) {
    const check = requirement('vm-irq/dropped-descriptor-is-released');
    growsNot(port, check, 'descriptors that the device holds', () => {
      const session = connect('connected');
      const events = [new CountedEvent(port), new CountedEvent(port)];
      for (const event of [...events, undefined]) setEvents(session, 0, [event]);
      // A call that is refused at its second descriptor lets go of the first.
      const file = port.descriptors.nullDevice();
      const data = descriptorData(...events.slice(0, 1).map(({ fd }) => fd), file);
      if (ringCount(session) > 1) setIrqs(session, { count: 2 }, data);
      port.descriptors.close(file);
      for (const event of events) event.close();
      session.close();
    });
  },
});
