import type { VirtioPciSession } from '../../drivers/port/port.ts';
import { seenWithinMs } from '../../judging/deadline.ts';
import { isrStatus, pciHeader, pciStatus } from '../../reference-impl/wire/virtio-pci.ts';
import { type CaseContext, defineCase, type VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';
import { CountedEvent } from '../counted-event.ts';
import { statusOf } from '../virtio/device-parts.ts';
import { breaks, told } from './function.ts';

/** Interrupts by the pin, with MSI-X disabled, and the ISR status (virtio 4.1.4.5, 4.1.5.3). */

const applies = { start: 'negotiated', transports: ['virtio-pci'], needs: ['interrupt-pin'] } as const;

type Context = Pick<CaseContext<string, VariantAxes, VirtioPciSession>, 'port' | 'session'>;

/** The event of the pin. It signals once, and rests until it is unmasked. */
function pinOf({ port, session }: Context, check: Check): CountedEvent {
  const event = new CountedEvent(port);
  check.presumes(session.usePin(event.fd) >= 0, 'the pin gets an event');
  told(check, session.pci.readIsr(), 'ISR status');
  event.take();
  return event;
}

const isr = ({ pci }: VirtioPciSession, check: Check): number => told(check, pci.readIsr(), 'ISR status');

const interruptStatus = ({ pci }: VirtioPciSession, check: Check): number =>
  told(check, pci.readConfigSpace(pciHeader.status, 2), 'the status register') & pciStatus.INTERRUPT;

export const queueBit = defineCase({
  id: 'virtio-pci/pin/a-queue-sets-its-bit',
  title: 'when the pin signals for used buffers, the queue bit of the ISR status is set, and a read clears it',
  proves: {
    'pci/isr-queue-bit-before-interrupt': 'pci-queue-sets-configuration-bit',
    'pci/isr-clears-on-read': 'pci-isr-stays',
  },
  applies,
  run(context) {
    const { session, driver, ring, requirement } = context;
    const ofBit = requirement('pci/isr-queue-bit-before-interrupt');
    const ofRead = requirement('pci/isr-clears-on-read');
    const event = pinOf(context, ofBit);
    const queue = driver.attach(ring({ size: 16 }));
    queue.makeAvailable([driver.request().segments]);
    queue.kick();
    if (!ofBit.atLeast(event.wait(), 1, 'signals of the pin for a request')) {
      ofRead.inconclusive('the pin does not signal');
      return;
    }
    const first = isr(session, ofBit);
    ofBit.equal(first & isrStatus.QUEUE, isrStatus.QUEUE, 'the queue bit of the ISR status');
    queue.waitForUsed(1);
    // A device may tell of the same buffer once more.
    isr(session, ofRead);
    ofRead.equal(isr(session, ofRead), 0, 'the ISR status, read again');
  },
});

export const statusRegister = defineCase({
  id: 'virtio-pci/pin/the-status-register-shows-it',
  title: 'the interrupt status of the status register is set while the ISR status is not 0, and clear once it was read',
  proves: { 'pci/interrupt-status-mirrors-isr': 'pci-interrupt-status-stays-zero' },
  applies,
  run(context) {
    const { session, driver, ring, requirement } = context;
    const check = requirement('pci/interrupt-status-mirrors-isr');
    const event = pinOf(context, check);
    const queue = driver.attach(ring({ size: 16 }));
    check.equal(interruptStatus(session, check), 0, 'the interrupt status before a request');
    queue.makeAvailable([driver.request().segments]);
    queue.kick();
    check.presumes(event.wait() > 0, 'the pin signals for a request');
    queue.waitForUsed(1);
    check.equal(interruptStatus(session, check), pciStatus.INTERRUPT, 'the interrupt status behind a request');
    check.presumes(isr(session, check) !== 0, 'the ISR status shows what the pin signals for');
    isr(session, check);
    check.equal(interruptStatus(session, check), 0, 'the interrupt status once the ISR status was read');
  },
});

export const quietBehindReset = defineCase({
  id: 'virtio-pci/pin/a-reset-takes-its-signal-back',
  title:
    'behind a reset of the device the pin does not signal for what came before, though the ISR status was not read',
  proves: { 'reset/quiet-after-reset': 'pci-isr-outlives-reset' },
  applies,
  run(context) {
    const { session, port, driver, ring, requirement } = context;
    const check = requirement('reset/quiet-after-reset');
    const event = pinOf(context, check);
    const queue = driver.attach(ring({ size: 16 }));
    queue.makeAvailable([driver.request().segments]);
    queue.kick();
    check.presumes(event.wait() > 0, 'the pin signals for a request');
    queue.waitForUsed(1);
    check.granted(statusOf(session).set(0), 'the reset');
    event.take();
    check.presumes(session.unmaskPin() >= 0, 'the pin is unmasked');
    port.until(() => false, seenWithinMs(port));
    session.fence();
    check.equal(event.take(), 0, 'signals of the pin behind the reset');
  },
});

export const configurationBit = defineCase({
  id: 'virtio-pci/pin/configuration-sets-its-bit',
  title:
    'when a device that runs shows DEVICE_NEEDS_RESET the pin signals, and the configuration bit of the ISR status is set',
  proves: {
    'pci/isr-config-bit-before-interrupt': 'pci-configuration-sets-queue-bit',
    'status/needs-reset-is-notified': 'pci-needs-reset-is-silent',
  },
  applies: { ...applies, ring: 'split' },
  run(context) {
    const { session, port, driver, ring, requirement } = context;
    const check = requirement('pci/isr-config-bit-before-interrupt');
    const ofSignal = requirement('status/needs-reset-is-notified');
    const event = pinOf(context, check);
    const queue = driver.attach(ring({ size: 16 }));
    if (!breaks(port, session, queue, () => queue.driver.addHead(queue.ring.size + 5))) {
      for (const one of [check, ofSignal])
        one.inconclusive('a head out of range does not have the device show DEVICE_NEEDS_RESET');
      return;
    }
    if (!ofSignal.atLeast(event.wait(), 1, 'signals of the pin once DEVICE_NEEDS_RESET is shown')) {
      check.inconclusive('the pin does not signal');
      return;
    }
    check.equal(isr(session, check) & isrStatus.CONFIGURATION, isrStatus.CONFIGURATION, 'the configuration bit');
  },
});

export const changeSetsBit = defineCase({
  id: 'virtio-pci/pin/a-change-sets-the-configuration-bit',
  title: 'when the pin signals a change of configuration from outside, the configuration bit of the ISR status is set',
  proves: { 'pci/isr-config-bit-before-interrupt': 'pci-configuration-sets-queue-bit' },
  applies: { ...applies, devices: ['block', 'net'], needs: ['interrupt-pin', 'changes-config'] },
  run(context) {
    const { session, port, driver, ring, requirement } = context;
    const check = requirement('pci/isr-config-bit-before-interrupt');
    const event = pinOf(context, check);
    driver.attach(ring({ size: 16 }));
    session.run();
    check.presumes(port.operator !== undefined, 'the configuration can be changed from here');
    // The second change takes back the first: cases that follow know the device as it was.
    for (const time of [1, 2]) {
      port.operator?.changeConfig();
      check.presumes(event.wait() > 0, `the pin signals for change ${time}`);
      const bits = isr(session, check);
      check.equal(bits & isrStatus.CONFIGURATION, isrStatus.CONFIGURATION, `the configuration bit at change ${time}`);
      check.presumes(session.unmaskPin() >= 0, 'the pin is unmasked');
    }
  },
});
