import { formerlyWords } from '../reports/requirement-places.ts';
import { levelWord } from '../reports/result-explanation.ts';
import { textChanges } from '../reports/text-changes.ts';
import { snapshotOfCatalogue } from './catalogue-facts.ts';
import type { ListedRow } from './listed-row.ts';
import { UsageError } from './usage-error.ts';

const kinds = ['changed', 'went', 'appeared'] as const;

/** The rules in which two versions of one text differ. @throws UsageError */
export function listedChanges(from: string | undefined, to: string | undefined): ListedRow[] {
  const catalogue = snapshotOfCatalogue([]);
  const { sources = [] } = catalogue;
  if (from === undefined || to === undefined)
    throw new UsageError('list changes wants --from VERSION and --to VERSION');
  const places = [from, to].map((name) => sources.findIndex((source) => source.name === name));
  const [older = -1, newer = -1] = places;
  for (const [index, name] of [from, to].entries()) {
    if ((places[index] ?? -1) < 0) throw new UsageError(`${name}: no such version of a text (list texts names them)`);
  }
  if (sources[older]?.family !== sources[newer]?.family) throw new UsageError(`${from}, ${to}: versions of two texts`);
  if (older >= newer) throw new UsageError(`--from ${from}: is not older than ${to}`);
  const changes = textChanges(catalogue, from, to);
  return kinds.flatMap((kind) =>
    changes[kind].map((rule) => {
      const { id, area, clause, level, basis, formerly, text } = rule;
      const before = formerly === undefined ? '' : `  ${formerlyWords(rule)}`;
      return {
        data: { kind, id, area, clause, level, basis, ...(kind === 'changed' ? { formerly } : {}), text },
        text: `${kind}  ${id}  ${levelWord(rule)}${kind === 'changed' ? before : ''}`,
      };
    }),
  );
}
