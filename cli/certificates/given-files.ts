import { readFileSync } from 'node:fs';
import { type PublicKey, publicKeyOf } from '../../certificates/keys.ts';
import { reasonOf } from '../../reports/record/record-writer.ts';
import { UsageError } from '../usage-error.ts';

/** A file that the user names. @throws UsageError in one line. */
export function givenFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new UsageError(`${path}: cannot be read (${reasonOf(cause)})`);
  }
}

export const givenText = (path: string): string => givenFile(path).toString('utf8');

export const givenKeys = (paths: readonly string[]): PublicKey[] =>
  paths.map((path) => publicKeyOf(path, givenText(path)));
