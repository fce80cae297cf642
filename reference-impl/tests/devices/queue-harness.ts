import assert from 'node:assert/strict';
import type { ParentDriver, QueueFailure } from '../../devices/parent-driver.ts';
import type { AddressSpace } from '../../memory/addresses.ts';
import { type Guest, plainGuest } from '../../memory/guest.ts';
import { mapOf } from '../../memory/guest-map.ts';
import { VIRTIO_F_EVENT_IDX, VIRTIO_F_INDIRECT_DESC, VIRTIO_F_VERSION_1 } from '../../virtqueue/feature-bits.ts';
import { areaAddresses, splitPosition } from '../../virtqueue/ring.ts';
import type { RingPlacement } from '../../virtqueue/ring-placement.ts';
import { BigEndianSplitRing } from '../../virtqueue/split/big-endian-ring.ts';
import { SplitDriver } from '../../virtqueue/split/driver-ring.ts';
import type { GuestSplitRing } from '../../virtqueue/split/guest-ring.ts';

export interface HarnessOptions {
  readonly guest?: Guest;
  readonly size?: number;
  readonly base?: number;
  readonly features?: bigint;
  readonly placement?: RingPlacement;
  readonly ringSpace?: AddressSpace;
  readonly bufferSpace?: AddressSpace;
  /** The rings are those of a legacy driver that is big-endian. */
  readonly isBigEndian?: boolean;
  /** Called right behind each store of the device to a ring. */
  readonly onStore?: () => void;
}

export interface HarnessQueue {
  readonly ring: GuestSplitRing;
  readonly driver: SplitDriver;
  /** Publishes, kicks where due, and steps until the device is no further. */
  run(): void;
}

export interface Harness {
  readonly guest: Guest;
  readonly calls: number[];
  readonly errors: { readonly queue: number; readonly reason: QueueFailure }[];
  /** Bytes of guest memory that the device told of as written. */
  readonly written: { readonly guestAddress: bigint; readonly length: number }[];
  readonly queues: readonly HarnessQueue[];
  queue(index: number): HarnessQueue;
  drain(): void;
}

/** A device with all its queues started, and a driver side for each. */
export function harness(device: ParentDriver, options: HarnessOptions = {}): Harness {
  const guest = options.guest ?? plainGuest();
  const {
    size = 16,
    base = 0,
    features = VIRTIO_F_VERSION_1,
    ringSpace = 'user',
    bufferSpace = 'guest-physical',
    isBigEndian = false,
  } = options;
  const calls = Array.from({ length: device.queueCount }, () => 0);
  const errors: { queue: number; reason: QueueFailure }[] = [];
  const written: { guestAddress: bigint; length: number }[] = [];
  device.setSinks({
    signalCall: (queue) => {
      calls[queue] = (calls[queue] ?? 0) + 1;
    },
    signalError: (queue, reason) => errors.push({ queue, reason }),
    wroteRing: () => options.onStore?.(),
    wroteMemory: (guestAddress, length) => written.push({ guestAddress, length }),
  });
  device.setMemory(mapOf(guest));
  device.setFeatures(features);
  const drain = (): void => {
    let limit = 100_000;
    while (device.step() === 'progressed') assert.ok(limit-- > 0, 'the device does not come to rest');
  };
  const queues = Array.from({ length: device.queueCount }, (_, index): HarnessQueue => {
    const ring = guest.ring({
      layout: 'split',
      size,
      position: splitPosition(base),
      placement: options.placement ?? 'contiguous',
    });
    const { position } = ring;
    const areas = areaAddresses(ring, ringSpace);
    assert.equal(device.startQueue(index, { size, areas, ringSpace, bufferSpace, position, isBigEndian }), undefined);
    device.setQueueEnabled(index, true);
    const { descriptor, driver: avail, device: used } = ring.areas;
    const views = { descriptor: descriptor.view, driver: avail.view, device: used.view };
    const driver = new SplitDriver(isBigEndian ? new BigEndianSplitRing(size, views) : ring, {
      space: bufferSpace,
      eventIdx: (features & VIRTIO_F_EVENT_IDX) !== 0n,
      ...((features & VIRTIO_F_INDIRECT_DESC) === 0n ? {} : { tables: guest }),
    });
    return {
      ring,
      driver,
      run: () => {
        driver.publish();
        if (driver.needsKick()) device.notify(index);
        drain();
      },
    };
  });
  return {
    guest,
    calls,
    errors,
    written,
    queues,
    queue: (index) => {
      const queue = queues[index];
      assert.ok(queue);
      return queue;
    },
    drain,
  };
}
