import {
  bitsIn,
  featureByName,
  featuresAtBit,
  missingPrerequisites,
} from '../../../reference-impl/catalogue/catalogue.ts';
import { defineCase } from '../../case.ts';
import { bitOf } from './offered-bits.ts';

/** The feature bits that a device offers (virtio 2.2, 6). */

const notPci = ['vhost-user', 'vhost-kernel', 'vhost-vdpa', 'vhost-mdev'] as const;

export const version1 = defineCase({
  id: 'virtio/features/version-1-is-offered',
  title: 'VERSION_1 is offered',
  proves: { 'reserved/version-1-offered': 'version-1-not-offered' },
  applies: { start: 'negotiated', negotiation: 'fixed', ring: 'none' },
  run({ session, requirement }) {
    const has = (session.negotiated.offered.device & bitOf('VIRTIO_F_VERSION_1')) !== 0n;
    requirement('reserved/version-1-offered').equal(has, true, 'VIRTIO_F_VERSION_1 offered');
  },
});

export const srIov = defineCase({
  id: 'virtio/features/sr-iov-is-not-offered-off-pci',
  title: 'SR_IOV is not offered where the device is on no PCI bus',
  proves: { 'reserved/sr-iov-not-offered-otherwise': 'sr-iov-offered' },
  applies: { start: 'negotiated', negotiation: 'fixed', transports: notPci, ring: 'none' },
  run({ session, requirement }) {
    const has = (session.negotiated.offered.device & bitOf('VIRTIO_F_SR_IOV')) !== 0n;
    requirement('reserved/sr-iov-not-offered-otherwise').equal(has, false, 'VIRTIO_F_SR_IOV offered');
  },
});

export const undefinedBits = defineCase({
  id: 'virtio/features/no-undefined-bits-are-offered',
  title: 'every offered bit has a meaning for this type of device, if only a legacy one',
  proves: { 'features/no-undefined-bits-offered': 'undefined-feature-offered' },
  applies: { start: 'negotiated', negotiation: 'fixed', ring: 'none' },
  run({ port, session, requirement }) {
    const { device } = session.negotiated.offered;
    const unknown = bitsIn(device).filter((bit) => featuresAtBit(bit, port.facts).length === 0);
    requirement('features/no-undefined-bits-offered').sameSequence(unknown, [], 'offered bits without a meaning');
  },
});

export const prerequisites = defineCase({
  id: 'virtio/features/offered-set-has-prerequisites',
  title: 'for each offered feature those are offered that it cannot be without',
  proves: { 'features/offered-set-has-prerequisites': 'feature-offered-without-prerequisite' },
  // No feature of a block device, nor any that all devices share, needs another.
  applies: { start: 'negotiated', negotiation: 'fixed', devices: ['net'], ring: 'none' },
  run({ port, session, requirement }) {
    const { transport } = port.facts;
    const { device } = session.negotiated.offered;
    const offered = bitsIn(device).flatMap((bit) => featuresAtBit(bit, port.facts).slice(0, 1));
    const names = new Set<string>(offered.map(({ name }) => name));
    const check = requirement('features/offered-set-has-prerequisites');
    const missing = offered.flatMap((feature) => {
      const gaps = missingPrerequisites(feature, names)
        // What the front-end serves it adds to the offer that the driver sees.
        .filter((wanted) => !wanted.some((name) => featureByName(name).frontEndServedOver.includes(transport)));
      if (gaps.length > 0) check.about.add(feature.name);
      return gaps.map((wanted) => `${feature.name} without ${wanted.join(' or ')}`);
    });
    check.holds(missing.length === 0, 'the offered set', {
      expected: 'every prerequisite is offered',
      actual: missing.join(', '),
    });
  },
});
