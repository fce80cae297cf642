import { didYouMean } from '../drivers/near-matches.ts';
import { conflictingVersions, newestVersions, type TextVersion } from '../reference-impl/catalogue/catalogue.ts';
import { UsageError } from './usage-error.ts';

const newest = 'newest';

/**
 * The versions that `--text` names, `newest` resolved to the newest of each text; none for the default.
 * @throws UsageError for a version that is not there, and for two of one text.
 */
export function textsOf(words: readonly string[], versions: readonly TextVersion[]): string[] {
  const names = versions.map(({ name }) => name);
  const unknown = words.find((word) => word !== newest && !names.includes(word));
  if (unknown !== undefined) {
    const near = didYouMean(unknown, [newest, ...names]);
    throw new UsageError(
      `--text ${unknown}: no such version of a text${near}; known: ${[newest, ...names].join(', ')}`,
    );
  }
  if (words.includes(newest) && words.length > 1) {
    throw new UsageError(`--text ${newest}: is the newest version of every text, and leaves none to name`);
  }
  const chosen = words.flatMap((word) => (word === newest ? newestVersions(versions) : [word]));
  const conflict = conflictingVersions(versions, chosen);
  if (conflict !== undefined) throw new UsageError(`--text: ${conflict.join(' and ')} are versions of one text`);
  return chosen;
}
