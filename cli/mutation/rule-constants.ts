import { transportRules } from '../../reference-impl/devices/queued-device.ts';
import { mdevRulesL1, mdevRulesL2 } from '../../reference-impl/vhost-mdev/mdev-rules.ts';
import { referenceRules } from '../../reference-impl/vhost-user/reference-rules.ts';

/**
 * Entries of rule tables that are the same boolean in each table that is tried, or a function that returns nothing else.
 * A mutant that puts that boolean where code asks the table is the same program: the condition is there for faults.
 */
export const ruleConstants: ReadonlyMap<string, boolean> = constantsOf([
  referenceRules,
  transportRules,
  mdevRulesL1,
  mdevRulesL2,
]);

function constantsOf(roots: readonly object[]): Map<string, boolean> {
  const values = new Map<string, boolean | undefined>();
  const look = (table: object): void => {
    for (const [name, entry] of Object.entries(table) as [string, unknown][]) {
      if (entry !== null && typeof entry === 'object') look(entry);
      else {
        const value = constantOf(entry);
        values.set(name, !values.has(name) || values.get(name) === value ? value : undefined);
      }
    }
  };
  for (const root of roots) look(root);
  return new Map([...values].flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])));
}

function constantOf(entry: unknown): boolean | undefined {
  if (typeof entry === 'boolean') return entry;
  if (typeof entry !== 'function') return undefined;
  const [, word] = /^\([^()]*\) => (true|false)$/.exec(entry.toString()) ?? [];
  return word === undefined ? undefined : word === 'true';
}

/** Whether `original` asks a rule table for a constant, perhaps negated, and `replacement` is that constant. */
export function isSameProgram(original: string, replacement: string, constants = ruleConstants): boolean {
  const [, negation, name] = /^(!?)(?:[\w$#]+(?:\.|\?\.))+([\w$]+)(?:\([^()]*\))?$/.exec(original) ?? [];
  const value = name === undefined ? undefined : constants.get(name);
  return value !== undefined && replacement === String(negation === '!' ? !value : value);
}
