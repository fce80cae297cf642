import { allFeatures, isFeatureName } from '../../reference-impl/catalogue/catalogue.ts';
import { UsageError } from '../usage-error.ts';
import { type SourceTree, withEntry } from './source-tree.ts';

const bits = 'reference-impl/catalogue/feature-bits.json';

export interface FeatureOptions {
  readonly bit?: string;
  readonly device?: string;
  readonly text?: string;
}

/** Enters a feature bit. Returns what to do next. @throws UsageError */
export function newFeature(tree: SourceTree, name: string, { bit, device, text }: FeatureOptions): string[] {
  if (!/^V[A-Z0-9]+(_[A-Z0-9]+)*_F_[A-Z0-9_]+$/.test(name))
    throw new UsageError(`${name}: is no name of a feature bit`);
  if (isFeatureName(name)) throw new UsageError(`${name}: is a feature already`);
  if (bit === undefined || !/^\d{1,3}$/.test(bit)) throw new UsageError('new feature wants --bit NUMBER');
  if (text === undefined) throw new UsageError('new feature wants --text, what the bit promises in our words');
  const like = allFeatures().filter((feature) => feature.device === device);
  const [first] = like;
  if (device === undefined || first === undefined) {
    const devices = [...new Set(allFeatures().map((feature) => feature.device))];
    throw new UsageError(`new feature wants --device, one of ${devices.join(', ')}`);
  }
  const { kind } = first;
  const taken = like.find((feature) => feature.kind === kind && feature.bit === Number(bit) && !feature.legacy);
  if (taken !== undefined) throw new UsageError(`--bit ${bit}: is that of ${taken.name}`);
  const lists = { requires: [], excludes: [], frontEndServedOver: [] };
  const entry = { bit: Number(bit), device, kind, legacy: false, ...lists, text };
  tree.change(bits, withEntry(tree.read(bits), name, entry, like.findLast((feature) => feature.kind === kind)?.name));
  return [
    `entered: ${name} in ${bits}`,
    'fill in: "requires" and "excludes", where the text has other bits that it needs or rules out',
    `next: a rule that hangs on it: vhost-conformance new requirement AREA/what-holds --feature ${name} …`,
    `then: the device offers featureMask('${name}'), and reference-impl/catalogue/feature-functions.json says which rules show the bit at work`,
  ];
}
