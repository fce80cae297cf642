import type { DeviceDriver } from '../../../drivers/devices/device-driver.ts';
import type { DriverPort, Queue } from '../../../drivers/port/port.ts';
import { defineCase } from '../../case.ts';
import { setStatus, statusIn } from '../device-parts.ts';
import { staysQuiet } from '../quiet-ring.ts';
import { DEVICE_NEEDS_RESET, DRIVER_OK, live } from './status-bits.ts';

/** What rings do as the device status has it (virtio 2.1, 3.1). */

const applies = { start: 'negotiated', needs: ['device.status'] } as const;

export const beforeDriverOk = defineCase({
  id: 'virtio/status/no-buffers-before-driver-ok',
  title: 'no buffer is used and no call comes before DRIVER_OK, and what waits is served afterwards',
  proves: {
    'status/no-buffers-before-driver-ok': [
      'buffers-used-before-driver-ok',
      'vdpa-rings-served-before-driver-ok',
      'pci-rings-served-before-driver-ok',
    ],
  },
  applies,
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('status/no-buffers-before-driver-ok');
    setStatus(session, check, live);
    const queue = driver.attach(ring({ size: 16 }));
    const request = driver.request();
    if (!staysQuiet(port, session, queue, check, request.segments, 'before DRIVER_OK')) return;
    setStatus(session, check, live | DRIVER_OK);
    // One more: a driver that has kicked for a chain does not kick for it again.
    const second = driver.request({ seed: 2 });
    queue.makeAvailable([second.segments]);
    queue.kickAndWaitForUsed(2);
    check.equal(request.problem(), undefined, 'what is wrong with the request after DRIVER_OK');
    check.equal(second.problem(), undefined, 'what is wrong with a second one');
  },
});

export const needsReset = defineCase({
  id: 'virtio/status/broken-device-says-that-it-needs-reset',
  title: 'a device that a head out of range leaves unable to serve without a reset shows DEVICE_NEEDS_RESET',
  proves: {
    'status/unrecoverable-error-raises-needs-reset': [
      'needs-reset-never-raised',
      'vdpa-never-needs-reset',
      'pci-never-needs-reset',
    ],
  },
  applies: { ...applies, ring: 'split' },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('status/unrecoverable-error-raises-needs-reset');
    setStatus(session, check, live);
    const queue = driver.attach(ring({ size: 16 }));
    setStatus(session, check, live | DRIVER_OK);
    driver.warmUp(queue);
    queue.driver.addHead(queue.ring.size + 5);
    queue.makeAvailable([driver.request({ seed: 2 }).segments]);
    const before = queue.usedCount();
    queue.kick();
    // One that goes on with the chain behind the broken one has recovered: there is nothing to tell then.
    const hasRecovered = (): boolean => queue.usedCount() !== before;
    const needsReset = (): boolean => (statusIn(session, check) & DEVICE_NEEDS_RESET) !== 0;
    // Not to the deadline: who serves without a reset need not be waited for, and of others the status is, below.
    port.until(() => hasRecovered() || queue.errors() > 0 || !session.isOpen, port.deadlineMs / 10);
    const outcome = (): string => {
      if (!session.isOpen) return 'closed the connection';
      if (hasRecovered()) return 'went on with the ring';
      if (needsReset()) return 'DEVICE_NEEDS_RESET';
      // Where a ring stops by a reset of the device alone, none is set up anew without one.
      const isAlone = port.facts.ringsStop !== 'by-reset';
      if (isAlone && servesAgain(port, driver, queue, () => driver.attach(ring({ size: 16 })))) {
        return 'serves without a reset';
      }
      return port.until(needsReset, port.deadlineMs) === 'true' ? 'DEVICE_NEEDS_RESET' : 'stopped without a word';
    };
    const mayRecover = !port.facts.capabilities.includes('breaks-rings');
    const recovered = ['went on with the ring', 'serves without a reset', 'closed the connection'];
    check.oneOf(outcome(), ['DEVICE_NEEDS_RESET', ...(mayRecover ? recovered : [])], 'what became of the device');
  },
});

/** Whether the ring, stopped and set up anew without a reset of the device, serves a request. */
function servesAgain(port: DriverPort, driver: DeviceDriver, broken: Queue, attach: () => Queue): boolean {
  if (broken.stop().kind !== 'stopped') return false;
  const queue = attach();
  queue.makeAvailable([driver.request({ seed: 3 }).segments]);
  queue.kick();
  return port.until(() => queue.usedCount() > 0, port.deadlineMs) === 'true';
}
