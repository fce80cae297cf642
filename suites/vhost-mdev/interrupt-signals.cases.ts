import { defineCase } from '../case.ts';
import { CountedEvent } from '../counted-event.ts';
import { presupposed } from '../premise.ts';
import { requestQueues } from '../virtio/request-queues.ts';
import { serves } from '../virtio/service.ts';
import { rest } from './doorbells.ts';
import { ringCount, setState } from './ring-messages.ts';
import { setEvents } from './vectors.ts';

/** Who is signalled. A signal may come after the used element that it is for; after a stop none is under way. */

const transports = ['vhost-mdev'] as const;
const someSignal = { expected: 'at least 1', actual: '0' };

export const vectorIsIndex = defineCase({
  id: 'vhost-mdev/interrupts/ring-signals-vector-of-its-index',
  title: 'each ring signals the event descriptor of the vector that has its index',
  proves: { 'vm-irq/vector-is-ring-index': 'mdev-vectors-swapped' },
  applies: { start: 'negotiated', transports },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-irq/vector-is-ring-index');
    for (const index of requestQueues(driver, session, ringCount(session))) {
      const queue = driver.attach(ring({ size: 16 }), { index });
      const event = new CountedEvent(port);
      setEvents(session, index, [event]);
      driver.warmUp(queue);
      if (!check.holds(event.wait() > 0, `signals of vector ${index} for a request on its ring`, someSignal)) return;
    }
  },
});

export const noOtherVector = defineCase({
  id: 'vhost-mdev/interrupts/ring-signals-no-other-vector',
  title: 'requests on the transmit ring do not signal the vector of the receive ring, which has no buffers',
  proves: { 'vm-irq/no-other-vector-signals': 'mdev-all-vectors-signalled' },
  applies: { start: 'negotiated', transports, devices: ['net'] },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-irq/no-other-vector-signals');
    const queue = driver.attach(ring({ size: 16 }));
    const others = driver.companionIndices.map((index) => {
      const event = new CountedEvent(port);
      setEvents(session, index, [event]);
      return { index, event };
    });
    // Some devices signal once when a ring starts.
    driver.warmUp(queue);
    rest(port);
    for (const { event } of others) event.take();
    for (const seed of [1, 2, 3, 4]) driver.warmUp(queue, { seed });
    setState(session, 0);
    for (const { index, event } of others) {
      check.equal(event.take(), 0, `signals of vector ${index} for 4 requests on ring ${queue.index}`);
    }
  },
});

export const withoutDescriptor = defineCase({
  id: 'vhost-mdev/interrupts/ring-without-descriptor-is-served',
  title: 'a ring is served although its vector has no event descriptor, or one that we closed since',
  proves: { 'vm-irq/ring-works-without-descriptor': 'mdev-signal-without-descriptor-crashes' },
  applies: { start: 'negotiated', transports },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-irq/ring-works-without-descriptor');
    const queue = driver.attach(ring({ size: 16 }));
    const event = new CountedEvent(port);
    setEvents(session, queue.index, [event]);
    event.close();
    for (const seed of [1, 2]) {
      if (!serves({ port, driver }, check, queue, `request ${seed} with a descriptor that was closed`, { seed }))
        return;
    }
    setEvents(session, queue.index, [undefined]);
    for (const seed of [3, 4]) {
      if (!serves({ port, driver }, check, queue, `request ${seed} without a descriptor`, { seed })) return;
    }
  },
});

export const newTakesOver = defineCase({
  id: 'vhost-mdev/interrupts/new-descriptor-is-signalled',
  title: 'an event descriptor that is set in place of another is signalled, again and again',
  proves: { 'vm-irq/new-descriptor-takes-over': 'mdev-first-descriptor-stays' },
  applies: { start: 'negotiated', transports },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-irq/new-descriptor-takes-over');
    const queue = driver.attach(ring({ size: 16 }));
    for (const seed of [1, 2, 3, 4]) {
      const event = new CountedEvent(port);
      setEvents(session, queue.index, [event]);
      driver.warmUp(queue, { seed });
      if (!check.holds(event.wait() > 0, `signals of descriptor ${seed}`, someSignal)) return;
    }
  },
});

export const oldFallsSilent = defineCase({
  id: 'vhost-mdev/interrupts/old-descriptor-is-not-signalled',
  title: 'an event descriptor that another took the place of is not signalled for what is served afterwards',
  proves: { 'vm-irq/old-descriptor-falls-silent': 'mdev-old-descriptor-signalled-too' },
  applies: { start: 'negotiated', transports },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-irq/old-descriptor-falls-silent');
    const queue = driver.attach(ring({ size: 16 }));
    const [first, second] = [new CountedEvent(port), new CountedEvent(port)];
    setEvents(session, queue.index, [first]);
    driver.warmUp(queue);
    setEvents(session, queue.index, [second]);
    first.take();
    for (const seed of [2, 3, 4]) driver.warmUp(queue, { seed });
    setState(session, 0);
    check.equal(first.take(), 0, 'signals of the first descriptor after the second took its place');
    setEvents(session, queue.index, [first]);
    second.take();
    setState(session, 1);
    for (const seed of [5, 6]) driver.warmUp(queue, { seed });
    setState(session, 0);
    check.equal(second.take(), 0, 'signals of the second after the first took its place');
  },
});

export const setWhileRunning = defineCase({
  id: 'vhost-mdev/interrupts/descriptor-is-set-while-running',
  title: 'a ring that was started without an event descriptor signals the one that is set while it runs',
  proves: { 'vm-irq/descriptor-set-while-running': 'mdev-descriptor-busy-while-running' },
  applies: { start: 'negotiated', transports },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-irq/descriptor-set-while-running');
    const queue = driver.attach(ring({ size: 16 }), { call: false });
    driver.warmUp(queue);
    const event = new CountedEvent(port);
    check.equal(setEvents(session, queue.index, [event]), 'taken', 'VFIO_DEVICE_SET_IRQS while the device runs');
    driver.warmUp(queue, { seed: 2 });
    check.holds(event.wait() > 0, 'signals from then on', someSignal);
  },
});

export const surviveStop = defineCase({
  id: 'vhost-mdev/interrupts/descriptors-survive-stop-and-start',
  title: 'an event descriptor that was set once is signalled after stops and starts',
  proves: { 'vm-irq/descriptors-survive-stop-and-start': 'mdev-stop-drops-descriptors' },
  applies: { start: 'negotiated', transports },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-irq/descriptors-survive-stop-and-start');
    const queue = driver.attach(ring({ size: 16 }));
    const event = new CountedEvent(port);
    setEvents(session, queue.index, [event]);
    for (const run of [1, 2, 3]) {
      setState(session, 0);
      setState(session, 1);
      event.take();
      driver.warmUp(queue, { seed: run });
      if (!check.holds(event.wait() > 0, `signals after stop and start ${run}`, someSignal)) return;
    }
  },
});

export const oneCall = defineCase({
  id: 'vhost-mdev/interrupts/one-call-sets-several-vectors',
  title: 'one VFIO_DEVICE_SET_IRQS gives receive and transmit ring an event descriptor each, and each is signalled',
  proves: { 'vm-irq/one-call-sets-many': 'mdev-first-descriptor-for-all' },
  applies: { start: 'negotiated', transports, devices: ['net'] },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-irq/one-call-sets-many');
    const queue = driver.attach(ring({ size: 16 }));
    const events = [new CountedEvent(port), new CountedEvent(port)];
    check.equal(setEvents(session, 0, events), 'taken', 'VFIO_DEVICE_SET_IRQS of two vectors');
    for (const [vector, event] of events.entries()) {
      presupposed(port, check, 'a frame there and back', () => driver.transfer(queue));
      const what = `signals of vector ${vector} for a frame there and back`;
      if (!check.holds(event.wait() > 0, what, someSignal)) return;
    }
  },
});
