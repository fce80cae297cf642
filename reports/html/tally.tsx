import type { JSX } from 'preact';
import type { CaseVerdict, Elsewhere } from '../case-verdicts.ts';
import type { Outcome } from '../record/record.ts';
import { markWord } from './verdict-mark.tsx';

/** In the order in which bars and counts show them. */
const caseKinds: readonly Outcome[] = ['pass', 'fail', 'error', 'inconclusive', 'not-run', 'not-applicable'];

const elsewhereWords: Readonly<Record<Elsewhere, string>> = {
  transport: 'of another transport',
  device: 'of another device',
  layout: 'without packed rings',
  negotiation: 'without more to negotiate',
};

/** `12 pass, 3 not applicable, 5 of another device`, as words with the kind of each. */
export function tallyWords(cases: readonly CaseVerdict[]): readonly { kind: Outcome | 'elsewhere'; text: string }[] {
  const here = tallyOf(cases);
  const told = caseKinds.map((kind) => ({ kind, count: here.get(kind) ?? 0, word: markWord(kind) }));
  const others = (['transport', 'device', 'layout', 'negotiation'] as const).map((what) => ({
    kind: 'elsewhere' as const,
    count: cases.filter(({ elsewhere }) => elsewhere === what).length,
    word: elsewhereWords[what],
  }));
  return [...told, ...others]
    .filter(({ count }) => count > 0)
    .map(({ kind, count, word }) => ({ kind, text: `${count} ${word}` }));
}

/** Verdicts of the cases that concern their target. */
function tallyOf(cases: readonly CaseVerdict[]): ReadonlyMap<Outcome, number> {
  const counts = new Map<Outcome, number>();
  for (const { verdict, elsewhere } of cases) {
    if (elsewhere === undefined) counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  }
  return counts;
}

/** A bar of the verdicts of what concerns the target, with the counts of everything in words below. */
export function Tally({ cases }: { readonly cases: readonly CaseVerdict[] }): JSX.Element {
  const counts = tallyOf(cases);
  const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const shown = caseKinds.filter((kind) => (counts.get(kind) ?? 0) > 0);
  let left = 0;
  const bars = shown.map((kind) => {
    const width = ((counts.get(kind) ?? 0) / all) * 100;
    const bar = <rect key={kind} class={kind} x={left.toFixed(2)} y="0" width={width.toFixed(2)} height="4" />;
    left += width;
    return bar;
  });
  return (
    <div class="tally">
      <svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
        {bars}
      </svg>
      <ul>
        <li class="muted">{cases.length} results:</li>
        {tallyWords(cases).map(({ kind, text }) => (
          <li key={text}>
            <span class={`mark ${kind}`}>{text}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
