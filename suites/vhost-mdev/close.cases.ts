import type { DriverPort, Queue, VhostMdevSession } from '../../drivers/port/port.ts';
import { changes, snapshot } from '../../reference-impl/memory/snapshot.ts';
import { encodeMdevMessage } from '../../reference-impl/wire/mdev-messages.ts';
import { defineCase } from '../case.ts';
import { CountedEvent } from '../counted-event.ts';
import { servesAfresh } from '../virtio/running-queue.ts';
import { ManualRing } from './manual-ring.ts';
import { ringCount, ringDoorbell, setState } from './ring-messages.ts';
import { setEvents, setIrqs } from './vectors.ts';

/** Closing a device as it is, without stopping it before (docs/VHOST-MDEV.md, strict). */

const transports = ['vhost-mdev'] as const;
const pauseMs = 2;
const rounds = 4;
const triggerWithoutData = 0x21;

/** Doorbells of all rings, and the time to do what they ask for. */
function ringAll(port: DriverPort, session: VhostMdevSession): void {
  for (let index = 0; index < ringCount(session); index++) ringDoorbell(session, index);
  port.untilSettled(() => false, pauseMs);
}

export const stopsDevice = defineCase({
  id: 'vhost-mdev/close/nothing-is-written-after-close',
  title: 'from the close of a running device on, no byte of rings and buffers changes, whatever the next user notifies',
  proves: { 'vm-life/close-stops-device': 'mdev-close-keeps-running' },
  applies: { start: 'negotiated', transports },
  run({ session, guest, port, connect, driver, ring, requirement }) {
    const check = requirement('vm-life/close-stops-device');
    const bytes = Math.min(0x4000, driver.largestRequest);
    const queue = driver.attach(ring({ size: 64 }));
    driver.warmUp(queue);
    const requests = [1, 2, 3, 4, 5, 6].map((seed) => driver.request({ seed, bytes }).segments);
    const more = [7, 8].map((seed) => driver.request({ seed }).segments);
    queue.makeAvailable(requests);
    queue.kick();
    session.abandon();
    queue.makeAvailable(more);
    const before = snapshot(guest);
    port.untilSettled(() => false, pauseMs);
    const next = connect('connected');
    ringAll(port, next);
    next.close();
    check.unchanged(before.guest, changes(before), 'memory after the close');
  },
});

export const forgetsRings = defineCase({
  id: 'vhost-mdev/close/rings-are-forgotten',
  title: 'a ring of the user before is not started by the next one, who tells the same memory and no ring',
  proves: { 'vm-life/close-forgets-rings': 'mdev-close-keeps-rings' },
  applies: { start: 'negotiated', transports },
  run({ session, guest, port, connect, driver, ring, requirement }) {
    const check = requirement('vm-life/close-forgets-rings');
    const queue = driver.attach(ring({ size: 16 }));
    driver.warmUp(queue);
    session.abandon();
    queue.makeAvailable([driver.request({ seed: 2 }).segments]);
    const next = connect('connected');
    next.shareMemory(guest);
    const before = snapshot(guest);
    setState(next, 1);
    ringAll(port, next);
    setState(next, 0);
    check.unchanged(before.guest, changes(before), 'memory while the device of the next user ran');
  },
});

export const dropsEvents = defineCase({
  id: 'vhost-mdev/close/event-descriptors-are-dropped',
  title: 'an event descriptor of the user before is not signalled for what the next one has served or triggers',
  proves: { 'vm-life/close-drops-event-descriptors': 'mdev-close-keeps-descriptors' },
  applies: { start: 'negotiated', transports },
  run({ session, port, connect, driver, ring, requirement }) {
    const check = requirement('vm-life/close-drops-event-descriptors');
    const queue = driver.attach(ring({ size: 16 }));
    const event = new CountedEvent(port);
    setEvents(session, queue.index, [event]);
    driver.warmUp(queue);
    session.abandon();
    event.take();
    const next = connect('negotiated');
    setIrqs(next, { flags: triggerWithoutData, start: queue.index }, new Uint8Array());
    check.equal(event.take(), 0, 'signals of it when the next user triggers the vector');
    const vring = new ManualRing(next, { port, driver, ring });
    setState(next, 1);
    check.equal(vring.serves(2), true, 'a request of the next user is served');
    setState(next, 0);
    check.equal(event.take(), 0, 'signals of it for the request of the next user');
  },
});

export const forgetsAnswer = defineCase({
  id: 'vhost-mdev/close/answer-is-forgotten',
  title: 'an answer that was not read before the close does not wait for the next user',
  proves: { 'vm-life/close-forgets-answer': 'mdev-close-keeps-answer' },
  applies: { start: 'connected', transports, ring: 'none' },
  run({ session, connect, requirement }) {
    const check = requirement('vm-life/close-forgets-answer');
    session.channel.send(encodeMdevMessage('VHOST_GET_FEATURES', new Uint8Array()));
    session.abandon();
    const answer = connect('connected').channel.receive(24);
    check.equal(typeof answer === 'number' ? answer : answer.length, 0, 'what the next user reads');
  },
});

export const underLoad = defineCase({
  id: 'vhost-mdev/close/close-under-load-is-survived',
  title: 'a device that is closed with requests in flight, again and again, serves the next user',
  proves: { 'vm-life/close-under-load-survived': 'mdev-close-while-running-crashes' },
  applies: { start: 'closed', transports },
  run(context) {
    const { connect, driverOf, port, ring, requirement } = context;
    const check = requirement('vm-life/close-under-load-survived');
    const bytes = port.facts.workload.kind === 'block' ? 0x4000 : 1024;
    const vring = ring({ size: 64 });
    let requests: Parameters<Queue['makeAvailable']>[0] | undefined;
    for (let round = 0; round < rounds; round++) {
      vring.reset();
      const session = connect('negotiated');
      const driver = driverOf(session);
      requests ??= [1, 2, 3, 4, 5, 6].map((seed) => driver.request({ seed, bytes }).segments);
      const queue = driver.attach(vring);
      queue.makeAvailable(requests);
      queue.kick();
      session.abandon();
    }
    servesAfresh(context, check, `after ${rounds} closes under load`);
  },
});
