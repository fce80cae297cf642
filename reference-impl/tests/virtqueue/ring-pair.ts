import assert from 'node:assert/strict';
import type { AddressSpace } from '../../memory/addresses.ts';
import { type Guest, plainGuest } from '../../memory/guest.ts';
import { mapOf } from '../../memory/guest-map.ts';
import { areaAddresses, splitPosition } from '../../virtqueue/ring.ts';
import type { RingPlacement } from '../../virtqueue/ring-placement.ts';
import { attachSplitDevice, type SplitDevice } from '../../virtqueue/split/device-ring.ts';
import { type SplitDeviceRules, splitDeviceRules } from '../../virtqueue/split/device-rules.ts';
import { SplitDriver } from '../../virtqueue/split/driver-ring.ts';
import type { GuestSplitRing } from '../../virtqueue/split/guest-ring.ts';

export interface PairOptions {
  readonly guest?: Guest;
  readonly size?: number;
  readonly base?: number;
  readonly placement?: RingPlacement;
  readonly eventIdx?: boolean;
  readonly indirect?: boolean;
  readonly inOrder?: boolean;
  readonly ringSpace?: AddressSpace;
  readonly bufferSpace?: AddressSpace;
  readonly rules?: Partial<SplitDeviceRules>;
}

export interface RingPair {
  readonly guest: Guest;
  readonly ring: GuestSplitRing;
  readonly driver: SplitDriver;
  readonly device: SplitDevice;
}

/** Both sides of one ring over one guest. */
export function ringPair(options: PairOptions = {}): RingPair {
  const { guest = plainGuest(), size = 16, base = 0, placement = 'contiguous' } = options;
  const {
    eventIdx = false,
    indirect = true,
    inOrder = false,
    ringSpace = 'user',
    bufferSpace = 'guest-physical',
  } = options;
  const ring = guest.ring({ layout: 'split', size, position: splitPosition(base), placement });
  const device = attachSplitDevice({
    size,
    memory: mapOf(guest),
    areas: areaAddresses(ring, ringSpace),
    ringSpace,
    bufferSpace,
    features: { eventIdx, indirect, inOrder },
    position: splitPosition(base),
    rules: { ...splitDeviceRules, ...options.rules },
  });
  assert.ok(typeof device !== 'string', String(device));
  device.wantKicks(true);
  return {
    guest,
    ring,
    device,
    driver: new SplitDriver(ring, { space: bufferSpace, eventIdx, inOrder, tables: guest }),
  };
}
