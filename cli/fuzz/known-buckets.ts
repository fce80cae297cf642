import { readNamedFile } from '../../reports/record/run-file.ts';
import { counted } from '../counted.ts';
import { UsageError } from '../usage-error.ts';

/** What names a cause: letters, digits and dashes, as the directories of buckets are called. */
const bucketId = /^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$/;

const mostBytes = 16 << 20;
const shown = 80;

/**
 * The ids of a file of known findings: one a line, `#` begins a comment.
 * @throws UsageError with one line.
 */
export function readKnownBuckets(path: string): ReadonlySet<string> {
  let text: string;
  try {
    text = readNamedFile(path, mostBytes).toString('utf8');
  } catch (error) {
    throw new UsageError(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  const ids = new Set<string>();
  for (const [at, line] of text.split('\n').entries()) {
    const id = line.replace(/#.*/, '').trim();
    if (id === '') continue;
    if (!bucketId.test(id)) throw new UsageError(`${path}: line ${at + 1}: ${id.slice(0, shown)} is no id of a bucket`);
    ids.add(id);
  }
  return ids;
}

/** What was found and is not known, what is known and was not found, as lines; and whether all that was found is known. */
export function comparedBuckets(
  found: readonly string[],
  known: ReadonlySet<string>,
): { readonly lines: readonly string[]; readonly isAllKnown: boolean } {
  const unknown = found.filter((name) => !known.has(name));
  const missing = [...known].filter((name) => !found.includes(name));
  return {
    lines: [...listed('not known', unknown), ...listed('known, and not found', missing)],
    isAllKnown: unknown.length === 0,
  };
}

const listed = (what: string, names: readonly string[]): string[] =>
  names.length === 0 ? [] : [`${counted(names.length, 'bucket')} ${what}:`, ...names.map((name) => `  ${name}`)];
