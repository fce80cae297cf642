import type { RequirementSlug } from '../../../catalogue/catalogue.ts';
import type { VdpaRules } from '../../../vhost-vdpa/vdpa-rules.ts';
import type { VdpaFault } from '../../fault.ts';

/** Declares a fault of vhost-vdpa: entries of one table are replaced. */
export function vdpaFault<Name extends keyof VdpaRules>(
  requirement: RequirementSlug,
  text: string,
  table: Name,
  entries: Partial<VdpaRules[Name]>,
): VdpaFault {
  return {
    layer: 'transport',
    transport: 'vhost-vdpa',
    requirement,
    text,
    apply: (rules) => ({ ...rules, [table]: { ...rules[table], ...entries } }),
  };
}
