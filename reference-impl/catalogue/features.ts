import { CatalogueError } from '../errors.ts';
import { booleanOf, everyOneOf, namesOf, numberOf, objectOf, oneOf, stringOf } from './checked-json.ts';
import { featureDeviceOf } from './device-type.ts';
import featureBits from './feature-bits.json' with { type: 'json' };
import { type Transport, transports } from './transport.ts';

/** Every known feature: virtio bits, vhost-user protocol features, vhost bits, vhost kernel back-end features. */
export type FeatureName = keyof typeof featureBits;

const featureKinds = ['virtio', 'vhost', 'vhost-user-protocol', 'vhost-backend'] as const;
/** What defines a bit: virtio, or a transport in bits that it took from virtio's word or in a word of its own. */
export type FeatureKind = (typeof featureKinds)[number];

/** `protocol`: of GET_PROTOCOL_FEATURES (vhost-user). `backend`: of VHOST_GET_BACKEND_FEATURES (the kernel). */
export type FeatureWordName = 'device' | 'protocol' | 'backend';

/** The word in which the bits of a kind stand. */
export const wordOfKind: Readonly<Record<FeatureKind, FeatureWordName>> = {
  virtio: 'device',
  vhost: 'device',
  'vhost-user-protocol': 'protocol',
  'vhost-backend': 'backend',
};

export interface Feature {
  readonly name: FeatureName;
  readonly bit: number;
  /** `common`, a device type such as `net`, or the transport that defines the bit. */
  readonly device: string;
  readonly kind: FeatureKind;
  readonly legacy: boolean;
  /** Met when each inner list holds at least one accepted feature. */
  readonly requires: readonly (readonly FeatureName[])[];
  readonly excludes: readonly FeatureName[];
  /** Transports over which the front-end, not the IUT, serves what this feature promises. */
  readonly frontEndServedOver: readonly Transport[];
  readonly text: string;
}

export function isFeatureName(name: string): name is FeatureName {
  return Object.hasOwn(featureBits, name);
}

/** Names that must be features. @throws CatalogueError */
export function featureNamesOf(value: unknown, where: string): readonly FeatureName[] {
  return namesOf(value, where).map((name) => {
    if (!isFeatureName(name)) throw new CatalogueError(`${where}: no feature is called ${name}`);
    return name;
  });
}

function featureFrom(name: FeatureName, value: unknown): Feature {
  const where = `feature-bits.json ${name}`;
  const written = objectOf(value, where);
  const requires = written['requires'];
  if (!Array.isArray(requires)) throw new CatalogueError(`${where}: requires is no list`);
  return {
    name,
    bit: numberOf(written['bit'], where),
    device: stringOf(written['device'], where),
    kind: oneOf(featureKinds, written['kind'], where),
    legacy: booleanOf(written['legacy'], where),
    requires: requires.map((alternatives) => featureNamesOf(alternatives, where)),
    excludes: featureNamesOf(written['excludes'], where),
    frontEndServedOver: everyOneOf(transports, written['frontEndServedOver'], where),
    text: stringOf(written['text'], where),
  };
}

const features: ReadonlyMap<string, Feature> = new Map(
  Object.entries(featureBits).map(([name, written]) => {
    if (!isFeatureName(name)) throw new CatalogueError(`feature-bits.json: ${name}`);
    return [name, featureFrom(name, written)];
  }),
);

/** All features, in the order of the data: virtio bits by device, then protocol, vhost and back-end features. */
export function allFeatures(): readonly Feature[] {
  return [...features.values()];
}

/** @throws CatalogueError for a name that no feature has */
export function featureByName(name: FeatureName): Feature {
  const feature = features.get(name);
  if (feature === undefined) throw new CatalogueError(`no feature is called ${name}`);
  return feature;
}

/** The IUT whose feature bits are meant. */
export interface FeatureOwner {
  readonly transport: Transport;
  readonly device: string;
}

/** Whether a device of that type and transport has a bit for the feature: a device's bit belongs to that device only. */
export function featureBelongsTo({ kind, device }: Feature, owner: FeatureOwner): boolean {
  switch (kind) {
    case 'virtio':
      return device === 'common' || device === featureDeviceOf(owner.device);
    case 'vhost':
      return owner.transport.startsWith(device);
    case 'vhost-user-protocol':
      return owner.transport === 'vhost-user';
    case 'vhost-backend':
      return owner.transport === 'vhost-kernel' || owner.transport === 'vhost-vdpa';
  }
}

/**
 * The features that can stand at `bit` of a word of a device of that type and transport, modern ones first. Several may:
 * bit 41 is VIRTIO_F_ADMIN_VQ and, on legacy net devices, VIRTIO_NET_F_GUEST_RSC4.
 */
export function featuresAtBit(bit: number, owner: FeatureOwner, word: FeatureWordName = 'device'): readonly Feature[] {
  return allFeatures()
    .filter((feature) => feature.bit === bit && wordOfKind[feature.kind] === word && featureBelongsTo(feature, owner))
    .sort((a, b) => Number(a.legacy) - Number(b.legacy));
}

/** What of `requires` is not met by the accepted names: a list of alternatives for each gap. */
export function missingPrerequisites(
  feature: Feature,
  accepted: ReadonlySet<string>,
): readonly (readonly FeatureName[])[] {
  return feature.requires.filter((alternatives) => !alternatives.some((name) => accepted.has(name)));
}
