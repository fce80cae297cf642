import {
  commonFeatures,
  type FeatureName,
  type FeatureSet,
  featureByName,
  missingPrerequisites,
  namesIn,
} from '../../reference-impl/catalogue/catalogue.ts';
import { isFeatureName } from '../../reference-impl/catalogue/features.ts';
import type { KnownTarget } from './known-state.ts';

/** The rule that a driver breaks by acknowledging these bits; undefined where it breaks none. */
export function problemOfNegotiation(accepted: FeatureSet, target: KnownTarget, hasRings: boolean): string | undefined {
  const common = commonFeatures(accepted, target.offer);
  // Virtio 2.2.1: the driver does not accept a feature which the device did not offer.
  if (common.device !== accepted.device || common.protocol !== accepted.protocol) return 'bits that were not offered';
  const names = namesIn(accepted, target);
  const set = new Set<string>(names);
  for (const name of names) {
    if (!isFeatureName(name)) continue;
    const [missing] = missingPrerequisites(featureByName(name), set);
    if (missing !== undefined) return `${name} without ${missing.join(' or ')}`;
    const excluded = featureByName(name).excludes.find((other: FeatureName) => set.has(other));
    if (excluded !== undefined) return `${name} beside ${excluded}`;
  }
  // Virtio 3.1.1: features are settled before the driver sets virtqueues up.
  return hasRings ? 'features are negotiated behind the set-up of rings' : undefined;
}
