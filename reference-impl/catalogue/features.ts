import { CatalogueError } from '../errors.ts';
import { booleanOf, namesOf, numberOf, objectOf, oneOf, stringOf } from './checked-json.ts';
import featureBits from './feature-bits.json' with { type: 'json' };

/** Every known feature: virtio bits, vhost-user protocol features, vhost bits, vhost kernel back-end features. */
export type FeatureName = keyof typeof featureBits;

export const featureKinds = ['virtio', 'vhost', 'vhost-user-protocol', 'vhost-backend'] as const;
/** The word a bit lives in: the virtio feature word (`virtio`, `vhost`) or one of the two words of their own. */
export type FeatureKind = (typeof featureKinds)[number];

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
  readonly frontEndServedOver: readonly string[];
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
    frontEndServedOver: namesOf(written['frontEndServedOver'], where),
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

/**
 * The features that can stand at `bit` of the virtio feature word of a device type, modern ones first. Several may:
 * bit 41 is VIRTIO_F_ADMIN_VQ and, on legacy net devices, VIRTIO_NET_F_GUEST_RSC4.
 */
export function featuresAtBit(bit: number, device: string): readonly Feature[] {
  return allFeatures()
    .filter((feature) => feature.bit === bit && (feature.kind === 'virtio' || feature.kind === 'vhost'))
    .filter((feature) => feature.kind === 'vhost' || feature.device === 'common' || feature.device === device)
    .sort((a, b) => Number(a.legacy) - Number(b.legacy));
}

/** The vhost-user protocol feature at `bit`, if one is defined. */
export function protocolFeatureAtBit(bit: number): Feature | undefined {
  return allFeatures().find((feature) => feature.kind === 'vhost-user-protocol' && feature.bit === bit);
}

/** What of `requires` is not met by the accepted names: a list of alternatives for each gap. */
export function missingPrerequisites(
  feature: Feature,
  accepted: ReadonlySet<string>,
): readonly (readonly FeatureName[])[] {
  return feature.requires.filter((alternatives) => !alternatives.some((name) => accepted.has(name)));
}
