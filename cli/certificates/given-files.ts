import { type PublicKey, publicKeyOf } from '../../certificates/keys.ts';
import { reasonOf } from '../../reports/record/record-writer.ts';
import { readNamedFile } from '../../reports/record/run-file.ts';
import { UsageError } from '../usage-error.ts';

/** As much as a bundle may have. */
const mostBytes = 512 << 20;

/** A file that the user names. @throws UsageError in one line. */
export function givenFile(path: string): Buffer {
  try {
    return readNamedFile(path, mostBytes);
  } catch (cause) {
    throw new UsageError(`${path}: cannot be read (${reasonOf(cause)})`);
  }
}

export const givenText = (path: string): string => givenFile(path).toString('utf8');

export const givenKeys = (paths: readonly string[]): PublicKey[] =>
  paths.map((path) => publicKeyOf(path, givenText(path)));
