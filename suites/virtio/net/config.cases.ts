import type { Session } from '../../../drivers/port/port.ts';
import type { FeatureName } from '../../../reference-impl/catalogue/catalogue.ts';
import { defineCase } from '../../case.ts';
import type { Check } from '../../check.ts';
import { configFrom } from '../device-parts.ts';

/** Configuration of the network device, where the IUT serves it (virtio 5.1.4). */

const applies = <const Feature extends FeatureName>(feature: Feature) =>
  ({ start: 'negotiated', devices: ['net'], negotiate: [feature], needs: ['device.config'] }) as const;

const maxVirtqueuePairsAt = 8;
const mtuAt = 10;
const smallestMtu = 68;
const ipv6Mtu = 1280;

/** A 16-bit field of the configuration. */
function fieldOf(session: Session, check: Check, at: number): number {
  const bytes = configFrom(session, check, mtuAt + 2);
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
}

export const queuePairs = defineCase({
  id: 'virtio/net/max-virtqueue-pairs-is-bounded',
  title: 'max_virtqueue_pairs lies in 1 to 0x8000',
  proves: { 'net/max-virtqueue-pairs-bounded': 'net-no-virtqueue-pairs' },
  applies: { ...applies('VIRTIO_NET_F_MQ'), ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('net/max-virtqueue-pairs-bounded');
    const pairs = fieldOf(session, check, maxVirtqueuePairsAt);
    check.atLeast(pairs, 1, 'max_virtqueue_pairs');
    check.atMost(pairs, 0x8000, 'max_virtqueue_pairs');
  },
});

export const mtuBounded = defineCase({
  id: 'virtio/net/mtu-is-bounded',
  title: 'mtu is at least 68',
  proves: { 'net/mtu-bounded': 'net-mtu-too-small' },
  applies: { ...applies('VIRTIO_NET_F_MTU'), ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('net/mtu-bounded');
    check.atLeast(fieldOf(session, check, mtuAt), smallestMtu, 'mtu');
  },
});

export const mtuForIpv6 = defineCase({
  id: 'virtio/net/mtu-is-enough-for-ipv6',
  title: 'mtu is at least 1280',
  proves: { 'net/mtu-at-least-ipv6-minimum': 'net-mtu-below-ipv6-minimum' },
  applies: { ...applies('VIRTIO_NET_F_MTU'), ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('net/mtu-at-least-ipv6-minimum');
    check.atLeast(fieldOf(session, check, mtuAt), ipv6Mtu, 'mtu');
  },
});

export const mtuConstant = defineCase({
  id: 'virtio/net/mtu-never-changes',
  title: 'mtu is the same before, between and after frames',
  proves: { 'net/mtu-never-changes': 'net-mtu-changes' },
  applies: applies('VIRTIO_NET_F_MTU'),
  run({ session, driver, ring, requirement }) {
    const check = requirement('net/mtu-never-changes');
    const first = fieldOf(session, check, mtuAt);
    const queue = driver.attach(ring({ size: 16 }));
    for (const seed of [1, 2, 3]) {
      driver.warmUp(queue, { seed, bytes: 60 + 700 * (seed - 1) });
      check.equal(fieldOf(session, check, mtuAt), first, `mtu after ${seed} frames`);
    }
  },
});
