import type { RequirementSlug } from './areas.ts';

/**
 * Slugs of requirements that said the same as another one, each with the one that stands for both. A slug is never used
 * again: data that names a retired one (expectations, readings) means its successor.
 */
export const retiredSlugs: Readonly<Record<string, RequirementSlug>> = {
  'admin/capability-other-group-invalid-restated': 'admin/capability-other-group-invalid',
  'admin/common-config-part-after-device-features': 'admin/driver-features-part-after-device-features',
  'net/driver-may-use-pairs-up-to-set': 'net/driver-may-use-several-pairs',
  'net/num-buffers-equals-descriptors-used': 'net/num-buffers-counts-buffers',
  'net/one-or-both-modes-supported': 'net/multiqueue-modes-optional',
  'net/rx-outer-offset-may-be-given': 'net/rx-outer-offset-may-be-set',
  'net/tx-outer-offset-may-be-given': 'net/tx-outer-offset-may-be-non-zero',
  'split/supply-steps-batched': 'split/several-chains-per-idx-update',
  'vu-device-state/bad-state-reported-by-check': 'vu-device-state/check-reports-zero-only-after-success',
  'vu-memory/buffers-across-adjacent-regions-handled': 'split/buffers-anywhere-in-memory',
  'vu-ring-state/rings-disabled-until-set-vring-enable': 'vu-ring-state/rings-start-stopped-and-disabled',
  'vu-status/features-ok-refused-for-unacceptable-features': 'features/unacceptable-subset-refused',
};

/** The slug that stands for this one now: its successor where it is retired, else itself. */
export function currentSlug(name: string): string {
  return retiredSlugs[name] ?? name;
}
