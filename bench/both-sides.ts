import { plainGuest } from '../reference-impl/memory/guest.ts';
import { guestLayouts } from '../reference-impl/memory/guest-layout.ts';
import { mapOf } from '../reference-impl/memory/guest-map.ts';
import type { DeviceRingOptions } from '../reference-impl/virtqueue/attach-area.ts';
import type { DeviceRing } from '../reference-impl/virtqueue/device-ring.ts';
import type { DriverRing } from '../reference-impl/virtqueue/driver-ring.ts';
import { attachPackedDevice } from '../reference-impl/virtqueue/packed/device-ring.ts';
import { PackedDriver } from '../reference-impl/virtqueue/packed/driver-ring.ts';
import type { GuestRing, RingLayout } from '../reference-impl/virtqueue/ring.ts';
import { startPosition } from '../reference-impl/virtqueue/ring.ts';
import { readable, type Segment, writable } from '../reference-impl/virtqueue/segment.ts';
import { attachSplitDevice } from '../reference-impl/virtqueue/split/device-ring.ts';
import { SplitDriver } from '../reference-impl/virtqueue/split/driver-ring.ts';

const size = 256;
const written = 513;

interface BothSides {
  readonly driver: DriverRing;
  readonly device: DeviceRing;
  readonly chain: readonly Segment[];
}

/** Nanoseconds for each descriptor that goes through both sides of a ring in one memory, three to a chain. */
export function runBothSides(layout: RingLayout, count: number): number {
  const { driver, device, chain } = bothSides(layout);
  const rounds = Math.ceil(count / chain.length);
  for (let done = 0; done < rounds / 10; done++) round(driver, device, chain);
  const before = process.hrtime.bigint();
  for (let done = 0; done < rounds; done++) round(driver, device, chain);
  return Number(process.hrtime.bigint() - before) / rounds / chain.length;
}

function round(driver: DriverRing, device: DeviceRing, chain: readonly Segment[]): void {
  const id = driver.add(chain);
  driver.publish();
  const taken = device.next();
  if (taken.kind !== 'chain') throw new Error(`the ring has no chain: ${taken.kind}`);
  device.complete(taken, taken.writableLength);
  if (!driver.takeUsed() || driver.usedId !== id || driver.usedLen !== written) throw new Error('used element');
}

function bothSides(layout: RingLayout): BothSides {
  const guest = plainGuest(guestLayouts['single-region']);
  const buffer = (length: number) => guest.allocate({ size: length });
  const chain = [readable(buffer(16)), writable(buffer(512)), writable(buffer(1))];
  const options = (ring: GuestRing): DeviceRingOptions => ({
    size,
    memory: mapOf(guest),
    areas: {
      descriptor: ring.areas.descriptor.userAddress,
      driver: ring.areas.driver.userAddress,
      device: ring.areas.device.userAddress,
    },
    ringSpace: 'user',
    bufferSpace: 'guest-physical',
    features: { eventIdx: false, indirect: false, inOrder: false },
    position: startPosition(layout),
  });
  switch (layout) {
    case 'split': {
      const ring = guest.ring({ layout, size });
      return { chain, driver: new SplitDriver(ring), device: attached(attachSplitDevice(options(ring))) };
    }
    case 'packed': {
      const ring = guest.ring({ layout, size });
      return { chain, driver: new PackedDriver(ring), device: attached(attachPackedDevice(options(ring))) };
    }
  }
}

function attached<D extends DeviceRing>(device: D | string): D {
  if (typeof device === 'string') throw new Error(device);
  return device;
}
