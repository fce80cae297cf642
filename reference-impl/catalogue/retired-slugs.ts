import type { RequirementSlug } from './areas.ts';

/**
 * Slugs of requirements that said the same as another one, each with the one that stands for both. A slug is never used
 * again: data that names a retired one (expectations, readings) means its successor.
 */
export const retiredSlugs: Readonly<Record<string, RequirementSlug>> = {
  'admin/capability-other-group-invalid-restated': 'admin/capability-other-group-invalid',
  'admin/common-config-part-after-device-features': 'admin/driver-features-part-after-device-features',
  'net/rx-outer-offset-may-be-given': 'net/rx-outer-offset-may-be-set',
  'vu-memory/buffers-across-adjacent-regions-handled': 'split/buffers-anywhere-in-memory',
  'vu-ring-state/rings-disabled-until-set-vring-enable': 'vu-ring-state/rings-start-stopped-and-disabled',
  'vu-status/features-ok-refused-for-unacceptable-features': 'features/unacceptable-subset-refused',
};

/** The slug that stands for this one now: its successor where it is retired, else itself. */
export function currentSlug(name: string): string {
  return retiredSlugs[name] ?? name;
}
