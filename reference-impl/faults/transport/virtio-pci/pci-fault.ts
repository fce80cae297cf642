import type { RequirementSlug } from '../../../catalogue/catalogue.ts';
import type { VirtioPciRules } from '../../../virtio-pci/pci-rules.ts';
import type { PciFault } from '../../fault.ts';

/** Declares a fault of virtio over PCI: entries of one table are replaced. */
export function pciFault<Name extends keyof VirtioPciRules>(
  requirement: RequirementSlug,
  text: string,
  table: Name,
  entries: Partial<VirtioPciRules[Name]>,
): PciFault {
  return {
    layer: 'transport',
    transport: 'virtio-pci',
    requirement,
    text,
    apply: (rules) => ({ ...rules, [table]: { ...rules[table], ...entries } }),
  };
}
