import { blockConfig } from '../../reference-impl/devices/block-layout.ts';
import { defineCase } from '../case.ts';
import { configFrom, configOf, statusOf } from '../virtio/device-parts.ts';
import { staysQuiet } from '../virtio/quiet-ring.ts';
import { serves } from '../virtio/service.ts';
import { breaks, field, fieldOf, queuesOf, told } from './function.ts';

/** The common configuration: status, generation, and what is told of queues (virtio 4.1.4.3). */

const transports = ['virtio-pci'] as const;
const noRing = { start: 'negotiated', transports, ring: 'none' } as const;

/** Bytes of configuration that are compared: more than the fields that change. */
const netBytes = 8;
const blockBytes = 32;

export const zeroResets = defineCase({
  id: 'virtio-pci/status/zero-resets-the-device',
  title:
    'a write of 0 to a device that runs resets it: the status reads 0, its rings rest, and it serves when set up anew',
  proves: { 'pci/status-zero-resets': ['pci-status-stays-behind-zero', 'pci-status-zero-resets-nothing'] },
  applies: { start: 'negotiated', transports },
  run({ session, port, guest, driver, driverOf, ring, requirement }) {
    const check = requirement('pci/status-zero-resets');
    const queue = driver.attach(ring({ size: 16 }));
    driver.warmUp(queue);
    const { accepted } = session.negotiated;
    told(check, session.pci.write('deviceStatus', 0), 'device_status');
    const isZero = port.until(() => session.pci.read('deviceStatus') === 0, port.deadlineMs) === 'true';
    if (!check.equal(isZero, true, 'device_status reads 0 within the deadline')) return;
    // No driver notifies a device that was reset.
    check.isBesideText = true;
    staysQuiet(port, session, queue, check, driver.request({ seed: 2 }).segments, 'behind the reset');
    check.isBesideText = false;
    statusOf(session).set(0);
    session.negotiate({ device: accepted.device });
    session.shareMemory(guest);
    const anew = driverOf(session);
    serves({ port, driver: anew }, check, anew.attach(ring({ size: 16 })), 'a request once the device is set up anew');
  },
});

export const enableReadsZero = defineCase({
  id: 'virtio-pci/queues/queue-enable-is-zero-behind-a-reset',
  title: 'queue_enable of each queue reads 0 behind a reset of a device that ran',
  proves: { 'pci/queue-enable-zero-after-reset': 'pci-queues-stay-enabled' },
  applies: { start: 'negotiated', transports },
  run({ session, driver, ring, requirement }) {
    const check = requirement('pci/queue-enable-zero-after-reset');
    driver.attach(ring({ size: 16 }));
    session.run();
    const enabled = queuesOf(session, check).filter((queue) => fieldOf(session, check, queue, 'queueEnable') === 1);
    check.presumes(enabled.length > 0, 'queue_enable reads 1 of a queue that runs');
    check.granted(statusOf(session).set(0), 'the reset');
    for (const queue of queuesOf(session, check)) {
      check.equal(fieldOf(session, check, queue, 'queueEnable'), 0, `queue_enable of queue ${queue}`);
    }
  },
});

export const missingQueues = defineCase({
  id: 'virtio-pci/queues/queue-size-is-zero-behind-the-last',
  title: 'queue_size reads 0 for each queue_select from num_queues on, and not for those before',
  proves: { 'pci/queue-size-zero-for-missing-queue': 'pci-queue-selector-wraps' },
  // Queues for administration lie behind the others.
  applies: { ...noRing, without: ['VIRTIO_F_ADMIN_VQ'] },
  run({ session, requirement }) {
    const check = requirement('pci/queue-size-zero-for-missing-queue');
    const count = field(session, check, 'numQueues');
    const first = fieldOf(session, check, 0, 'queueSize');
    check.presumes(first > 0, 'the first queue has a size');
    for (const queue of [count, count + 1, 0x7fff, 0x8000, 0xfffe, 0xffff]) {
      check.equal(fieldOf(session, check, queue, 'queueSize'), 0, `queue_size of queue ${queue}, of ${count}`);
    }
    check.equal(fieldOf(session, check, 0, 'queueSize'), first, 'queue_size of queue 0 again');
  },
});

export const sizesAreNoOthers = defineCase({
  id: 'virtio-pci/queues/queue-size-is-a-power-of-two',
  title: 'without RING_PACKED, queue_size of each queue is 0 or a power of two',
  proves: { 'pci/queue-size-power-of-two': 'pci-queue-size-of-no-power' },
  applies: { ...noRing, without: ['VIRTIO_F_RING_PACKED'] },
  run({ session, requirement }) {
    const check = requirement('pci/queue-size-power-of-two');
    for (const queue of queuesOf(session, check)) {
      const size = fieldOf(session, check, queue, 'queueSize');
      check.equal(size & (size - 1), 0, `queue_size ${size} of queue ${queue}, less its highest bit`);
    }
  },
});

const areas = [
  ['queueDescLow', 'queueDescHigh'],
  ['queueDriverLow', 'queueDriverHigh'],
  ['queueDeviceLow', 'queueDeviceHigh'],
] as const;

export const halves = defineCase({
  id: 'virtio-pci/queues/halves-of-addresses-stand-alone',
  title: 'each half of the three addresses of a queue is written and read alone, in any order',
  proves: { 'pci/halves-of-64-bit-fields-accessible': ['pci-low-half-clears-high', 'pci-high-half-shows-low'] },
  applies: noRing,
  run({ session, requirement }) {
    const check = requirement('pci/halves-of-64-bit-fields-accessible');
    const { pci } = session;
    told(check, pci.write('queueSelect', 0), 'queue_select');
    for (const [n, [low, high]] of areas.entries()) {
      const values = new Map<(typeof areas)[number][number], number>();
      const write = (name: typeof low | typeof high, value: number): void => {
        told(check, pci.write(name, value), name);
        values.set(name, value);
        for (const [each, wanted] of values) check.equal(field(session, check, each), wanted, `${each} behind ${name}`);
      };
      write(high, 0x12 + n);
      write(low, 0x3456_7000);
      write(high, 0x89 + n);
      write(low, 0x0000_1000);
    }
  },
});

export const generation = defineCase({
  id: 'virtio-pci/configuration/generation-changes-with-it',
  title: 'config_generation is another once a value was read that changed from outside',
  proves: { 'pci/config-generation-changes': 'pci-generation-stays' },
  applies: {
    start: 'negotiated',
    transports,
    devices: ['block', 'net'],
    needs: ['device.config', 'changes-config'],
    ring: 'none',
  },
  run({ session, port, requirement }) {
    const check = requirement('pci/config-generation-changes');
    const bytes = port.facts.device === 'net' ? netBytes : blockBytes;
    const shown = (): string => configFrom(session, check, bytes).join(' ');
    const number = (): number => field(session, check, 'configGeneration');
    check.presumes(port.operator !== undefined, 'the configuration can be changed from here');
    // The second change takes back the first: cases that follow know the device as it was.
    for (const time of [1, 2]) {
      const before = shown();
      const first = number();
      port.operator?.changeConfig();
      check.presumes(port.until(() => shown() !== before, port.deadlineMs) === 'true', `change ${time} shows`);
      check.notEqual(number(), first, `config_generation behind change ${time}`);
    }
  },
});

export const writeback = defineCase({
  id: 'virtio-pci/configuration/writeback-is-read-back',
  title: 'writeback of a block device is read back as it was written to the device-specific configuration',
  proves: { 'blk/writeback-zero-or-one': 'pci-config-writes-have-no-effect' },
  applies: {
    ...noRing,
    devices: ['block'],
    negotiate: ['VIRTIO_BLK_F_CONFIG_WCE', 'VIRTIO_BLK_F_FLUSH'],
    needs: ['device.config'],
  },
  run({ session, requirement }) {
    const check = requirement('blk/writeback-zero-or-one');
    const at = blockConfig.writeback;
    const read = (): number => configFrom(session, check, at + 1)[at] ?? -1;
    const before = read();
    check.oneOf(before, [0, 1], 'writeback');
    // The last value is that of before: a device keeps it for the cases behind this one.
    for (const value of [1 - before, before]) {
      check.granted(configOf(session).write(at, Uint8Array.of(value)), `a write of ${value} to writeback`);
      check.equal(read(), value, `writeback behind a write of ${value}`);
    }
  },
});

export const brokenRing = defineCase({
  id: 'virtio-pci/status/needs-reset-is-notified',
  title: 'a device that shows DEVICE_NEEDS_RESET while it runs signals the vector of configuration',
  proves: { 'status/needs-reset-is-notified': 'pci-needs-reset-is-silent' },
  applies: { start: 'negotiated', transports, ring: 'split' },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('status/needs-reset-is-notified');
    const queue = driver.attach(ring({ size: 16 }));
    driver.warmUp(queue);
    session.takeConfigInterrupts();
    if (!breaks(port, session, queue, () => queue.driver.addHead(queue.ring.size + 5))) {
      check.inconclusive('a head out of range does not have the device show DEVICE_NEEDS_RESET');
      return;
    }
    let signals = 0;
    port.until(() => {
      signals += session.takeConfigInterrupts();
      return signals > 0;
    }, port.deadlineMs);
    check.atLeast(signals, 1, 'signals of the vector of configuration once DEVICE_NEEDS_RESET is shown');
  },
});
