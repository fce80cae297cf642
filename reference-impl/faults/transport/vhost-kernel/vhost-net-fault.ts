import type { RequirementSlug } from '../../../catalogue/catalogue.ts';
import type { VhostNetRules } from '../../../vhost-net/vhost-net-rules.ts';
import type { VhostNetFault } from '../../fault.ts';

/** Declares a fault of vhost-net: entries of one table are replaced. */
export function vhostNetFault<Name extends keyof VhostNetRules>(
  requirement: RequirementSlug,
  text: string,
  table: Name,
  entries: Partial<VhostNetRules[Name]>,
): VhostNetFault {
  return {
    layer: 'transport',
    transport: 'vhost-kernel',
    requirement,
    text,
    apply: (rules) => ({ ...rules, [table]: { ...rules[table], ...entries } }),
  };
}
