import {
  bitsIn,
  type FeatureName,
  featureByName,
  featuresAtBit,
  hasFeature,
  missingPrerequisites,
  type RequirementSlug,
} from '../../catalogue/catalogue.ts';
import type { FeatureSet } from '../../catalogue/feature-set.ts';
import type { Transport } from '../../catalogue/transport.ts';
import type { Tell } from './observation.ts';

interface Offering {
  readonly transport: Transport;
  readonly device: string;
  readonly offer: FeatureSet;
}

/** Features that come with another one: the requirement, the feature, and the one that it is not offered without. */
const companions: readonly (readonly [RequirementSlug, FeatureName, FeatureName])[] = [
  ['blk/config-wce-implies-flush', 'VIRTIO_BLK_F_CONFIG_WCE', 'VIRTIO_BLK_F_FLUSH'],
  ['net/hash-report-offered-with-ctrl-vq', 'VIRTIO_NET_F_HASH_REPORT', 'VIRTIO_NET_F_CTRL_VQ'],
  ['net/ctrl-rx-extra-offered-with-ctrl-vq', 'VIRTIO_NET_F_CTRL_RX_EXTRA', 'VIRTIO_NET_F_CTRL_VQ'],
  [
    'vu-inflight/skip-drain-offered-with-prerequisites',
    'VHOST_USER_PROTOCOL_F_GET_VRING_BASE_SKIP_DRAIN',
    'VHOST_USER_PROTOCOL_F_GET_VRING_BASE_INFLIGHT',
  ],
];

/** What every offer has to keep to (virtio 2.2, 5, 6). */
export function judgeOffer(target: Offering, tell: Tell): void {
  const { transport, device, offer } = target;
  const has = (name: FeatureName): boolean => hasFeature(offer, name, target);
  const told = (requirement: RequirementSlug, isBroken: boolean, expected: string, actual: string): void => {
    if (isBroken) tell({ requirement, what: 'the offered features', expected, actual });
  };
  told('reserved/version-1-offered', !has('VIRTIO_F_VERSION_1'), 'VIRTIO_F_VERSION_1', 'not offered');
  told('reserved/sr-iov-not-offered-otherwise', has('VIRTIO_F_SR_IOV') && transport !== 'virtio-pci', 'none', 'SR_IOV');
  if (device === 'block') {
    told('blk/flush-always-offered', !has('VIRTIO_BLK_F_FLUSH'), 'VIRTIO_BLK_F_FLUSH', 'not offered');
  }
  if (transport === 'vhost-user' && offer.protocol !== 0n) {
    told('vu-features/mq-always-offered', !has('VHOST_USER_PROTOCOL_F_MQ'), 'VHOST_USER_PROTOCOL_F_MQ', 'not offered');
  }
  for (const [requirement, name, other] of companions) {
    told(requirement, has(name) && !has(other), other, `${name} without it`);
  }
  const unknown = bitsIn(offer.device).filter((bit) => featuresAtBit(bit, target).length === 0);
  told('features/no-undefined-bits-offered', unknown.length > 0, 'bits with a meaning', `bit ${unknown.join(', ')}`);
  const offered = bitsIn(offer.device).flatMap((bit) => featuresAtBit(bit, target).slice(0, 1));
  const set = new Set<string>(offered.map(({ name }) => name));
  for (const feature of offered) {
    // What the front-end serves it adds to the offer that the driver sees.
    const missing = missingPrerequisites(feature, set).filter(
      (wanted) => !wanted.some((name) => featureByName(name).frontEndServedOver.includes(transport)),
    );
    told(
      'features/offered-set-has-prerequisites',
      missing.length > 0,
      missing.map((wanted) => wanted.join(' or ')).join(', '),
      `${feature.name} without it`,
    );
  }
}
