import { defineCase } from '../case.ts';
import { ringDoorbell, ringDriver, setState, tellRing } from './ring-messages.ts';

/** Memory and rings told in either order. */

const transports = ['vhost-mdev'] as const;

export const withoutMemory = defineCase({
  id: 'vhost-mdev/memory-order/start-without-memory-fails',
  title: 'a device that was told of a ring and of no memory does not start, and takes a stop',
  proves: { 'vm-memory/start-without-memory-fails': 'mdev-start-without-memory-taken' },
  applies: { start: 'negotiated', transports, shareMemory: false },
  run({ session, driver, ring, requirement }) {
    const check = requirement('vm-memory/start-without-memory-fails');
    check.equal(tellRing(session, driver.queueIndex, ring({ size: 16 })), 'taken', 'the ring');
    check.notEqual(setState(session, 1), 'taken', 'a start without memory');
    check.equal(setState(session, 0), 'taken', 'a stop after it');
  },
});

export const memoryLast = defineCase({
  id: 'vhost-mdev/memory-order/memory-may-be-told-last',
  title: 'rings are told of before the memory that they lie in, and are served once both are known',
  proves: { 'vm-memory/memory-may-come-after-rings': 'mdev-addresses-before-memory-refused' },
  applies: { start: 'negotiated', transports, shareMemory: false },
  run({ port, session, guest, driver, ring, requirement }) {
    const check = requirement('vm-memory/memory-may-come-after-rings');
    const vring = ring({ size: 16 });
    for (const index of driver.companionIndices) {
      check.equal(tellRing(session, index, ring({ size: 16 })), 'taken', `ring ${index}`);
    }
    check.equal(tellRing(session, driver.queueIndex, vring), 'taken', 'the ring');
    check.accepted(session.shareMemory(guest), 'the memory');
    const request = driver.request();
    const driverRing = ringDriver(port, session, driver.queueIndex, vring);
    driverRing.add(request.segments);
    driverRing.publish();
    check.equal(setState(session, 1), 'taken', 'the start');
    ringDoorbell(session, driver.queueIndex);
    if (port.until(() => driverRing.usedCount() === 1, port.deadlineMs) === 'true') {
      check.equal(request.problem(), undefined, 'what is wrong with a request');
    } else check.silence('a request', 'it is served', port.deadlineMs);
    setState(session, 0);
  },
});
