import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Mutant } from './mutants.ts';

/**
 * A mutant that no driver can tell from the reference. It is named by what stands in the code, so that the entry outlives
 * moved lines, and goes with them when they change.
 */
const equivalentMutant = z.strictObject({
  file: z.string(),
  original: z.string(),
  replacement: z.string(),
  occurrence: z.int().nonnegative(),
  /** Why nothing that a driver can see differs. */
  reason: z.string().min(20),
  /** Whether a second reader, who did not write the reason, agrees. */
  secondReader: z.string().min(1),
});

export type EquivalentMutant = z.infer<typeof equivalentMutant>;

/** Reads the list. Throws a ZodError that names the entry. */
export const readEquivalentMutants = (path: string): EquivalentMutant[] =>
  z.array(equivalentMutant).parse(JSON.parse(readFileSync(path, 'utf8')));

const nameOf = ({
  file,
  original,
  replacement,
  occurrence,
}: Omit<EquivalentMutant, 'reason' | 'secondReader'>): string =>
  JSON.stringify([file, original, replacement, occurrence]);

/** Splits mutants into those that are to be killed and those with a reason why they cannot be. */
export function withoutEquivalent(
  mutants: readonly Mutant[],
  listed: readonly EquivalentMutant[],
): { readonly wanted: Mutant[]; readonly equivalent: Mutant[]; readonly stale: EquivalentMutant[] } {
  const names = new Set(listed.map(nameOf));
  const made = new Set(mutants.map(nameOf));
  return {
    wanted: mutants.filter((mutant) => !names.has(nameOf(mutant))),
    equivalent: mutants.filter((mutant) => names.has(nameOf(mutant))),
    stale: listed.filter((entry) => !made.has(nameOf(entry))),
  };
}
