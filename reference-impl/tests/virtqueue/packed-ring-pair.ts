import assert from 'node:assert/strict';
import type { AddressSpace } from '../../memory/addresses.ts';
import { type Guest, plainGuest } from '../../memory/guest.ts';
import { mapOf } from '../../memory/guest-map.ts';
import type { RingObserver } from '../../virtqueue/device-ring.ts';
import { attachPackedDevice, type PackedDevice } from '../../virtqueue/packed/device-ring.ts';
import { type PackedDeviceRules, packedDeviceRules } from '../../virtqueue/packed/device-rules.ts';
import { PackedDriver } from '../../virtqueue/packed/driver-ring.ts';
import type { GuestPackedRing } from '../../virtqueue/packed/guest-ring.ts';
import { areaAddresses, type PackedPosition, packedPosition } from '../../virtqueue/ring.ts';
import type { RingPlacement } from '../../virtqueue/ring-placement.ts';

export interface PackedPairOptions {
  readonly guest?: Guest;
  readonly size?: number;
  readonly position?: PackedPosition;
  readonly placement?: RingPlacement;
  readonly eventIdx?: boolean;
  readonly indirect?: boolean;
  readonly inOrder?: boolean;
  readonly ringSpace?: AddressSpace;
  readonly bufferSpace?: AddressSpace;
  readonly rules?: Partial<PackedDeviceRules>;
  readonly observer?: RingObserver;
}

export interface PackedRingPair {
  readonly guest: Guest;
  readonly ring: GuestPackedRing;
  readonly driver: PackedDriver;
  readonly device: PackedDevice;
}

/** Both sides of one packed ring over one guest. */
export function packedRingPair(options: PackedPairOptions = {}): PackedRingPair {
  const { guest = plainGuest(), size = 16, position = packedPosition(0), placement = 'contiguous' } = options;
  const { eventIdx = false, indirect = true, inOrder = false } = options;
  const { ringSpace = 'user', bufferSpace = 'guest-physical' } = options;
  const ring = guest.ring({ layout: 'packed', size, position, placement });
  const device = attachPackedDevice({
    size,
    memory: mapOf(guest),
    areas: areaAddresses(ring, ringSpace),
    ringSpace,
    bufferSpace,
    features: { eventIdx, indirect, inOrder },
    position,
    rules: { ...packedDeviceRules, ...options.rules },
    ...(options.observer === undefined ? {} : { observer: options.observer }),
  });
  assert.ok(typeof device !== 'string', String(device));
  device.wantKicks(true);
  return {
    guest,
    ring,
    device,
    driver: new PackedDriver(ring, { space: bufferSpace, eventIdx, inOrder, tables: guest }),
  };
}
