import { transportRules } from '../../reference-impl/devices/queued-device.ts';
import { mdevRulesL1, mdevRulesL2 } from '../../reference-impl/vhost-mdev/mdev-rules.ts';
import { referenceRules } from '../../reference-impl/vhost-user/reference-rules.ts';
import { vdpaRules } from '../../reference-impl/vhost-vdpa/vdpa-rules.ts';
import { virtioPciRules } from '../../reference-impl/virtio-pci/pci-rules.ts';
import { ReadParameters } from './read-parameters.ts';

/** A value that a rule table has, or a function of it always returns. */
export interface Constant {
  readonly value: boolean | number | string | undefined | readonly [];
}

export const isSameConstant = (a: Constant, b: Constant): boolean =>
  a.value === b.value || (Array.isArray(a.value) && Array.isArray(b.value));

const words: ReadonlyMap<string, Constant> = new Map([
  ['true', { value: true }],
  ['false', { value: false }],
  ['undefined', { value: undefined }],
  ['[]', { value: [] }],
  ['0', { value: 0 }],
  ['{ }', { value: undefined }],
  ['{}', { value: undefined }],
]);

/**
 * Entries of rule tables, by name, that are the same in each table that is tried: values, and what functions return. A
 * value is there by the name of its table, too (`resets.rings`).
 */
export const tableConstants = constantsOf([
  referenceRules,
  transportRules,
  mdevRulesL1,
  mdevRulesL2,
  vdpaRules,
  virtioPciRules,
]);

function constantsOf(roots: readonly object[]): {
  readonly values: ReadonlyMap<string, Constant>;
  readonly results: ReadonlyMap<string, Constant>;
  /** What functions read of their arguments. */
  readonly reads: ReadonlyMap<string, ReadParameters>;
} {
  const values = new Map<string, Constant | 'differs'>();
  const results = new Map<string, Constant | 'differs'>();
  const reads = new Map<string, ReadParameters>();
  const note = (kind: typeof values, name: string, constant: Constant | undefined): void => {
    const known = kind.get(name);
    const isSame =
      constant !== undefined && (known === undefined || (known !== 'differs' && isSameConstant(known, constant)));
    kind.set(name, isSame ? constant : 'differs');
  };
  const look = (table: object, tableName = ''): void => {
    for (const [name, entry] of Object.entries(table) as [string, unknown][]) {
      const isTable = entry !== null && typeof entry === 'object' && !Array.isArray(entry);
      const value = isTable || typeof entry === 'function' ? undefined : plainValue(entry);
      for (const key of [name, `${tableName}.${name}`]) note(values, key, value);
      note(results, name, typeof entry === 'function' ? resultOf(entry.toString()) : undefined);
      if (typeof entry === 'function') {
        const read = ReadParameters.of(entry.toString());
        reads.set(name, reads.get(name)?.or(read) ?? read);
      }
      if (entry !== null && typeof entry === 'object') look(entry, name);
    }
  };
  for (const root of roots) look(root);
  const same = (kind: typeof values): Map<string, Constant> =>
    new Map([...kind].flatMap(([name, one]) => (one === 'differs' ? [] : [[name, one] as const])));
  return { values: same(values), results: same(results), reads };
}

function plainValue(entry: unknown): Constant | undefined {
  if (Array.isArray(entry)) return entry.length === 0 ? { value: [] } : undefined;
  const isPlain = ['boolean', 'number', 'string', 'undefined'].includes(typeof entry);
  return isPlain ? { value: entry as Constant['value'] } : undefined;
}

/** What a function returns in any case, by its text. */
function resultOf(text: string): Constant | undefined {
  const [, body = ''] = /^\([^()]*\) => ([\s\S]*)$/.exec(text) ?? [];
  return words.get(body);
}

/** Whether `original` asks a rule table for a boolean, perhaps negated, and `replacement` is that boolean. */
export function isSameProgram(original: string, replacement: string, constants = tableConstants): boolean {
  const [, negation, name = '', call] = /^(!?)(?:[\w$#]+(?:\.|\?\.))+([\w$]+)(\([^()]*\))?$/.exec(original) ?? [];
  const value = (call === undefined ? constants.values : constants.results).get(name)?.value;
  return typeof value === 'boolean' && replacement === String(negation === '!' ? !value : value);
}
