import type { JSX } from 'preact';
import type { Outcome } from '../record/record.ts';
import { markWord } from './verdict-mark.tsx';

/** In the order in which bars and counts show them. */
export const caseKinds: readonly Outcome[] = ['pass', 'fail', 'error', 'inconclusive', 'not-run', 'not-applicable'];

export function tallyOf(verdicts: readonly Outcome[]): ReadonlyMap<Outcome, number> {
  const counts = new Map<Outcome, number>();
  for (const verdict of verdicts) counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  return counts;
}

/** A bar of verdicts with its counts in words below. */
export function Tally({ verdicts }: { readonly verdicts: readonly Outcome[] }): JSX.Element {
  const counts = tallyOf(verdicts);
  const shown = caseKinds.filter((kind) => (counts.get(kind) ?? 0) > 0);
  let left = 0;
  const bars = shown.map((kind) => {
    const width = ((counts.get(kind) ?? 0) / verdicts.length) * 100;
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
        {shown.map((kind) => (
          <li key={kind}>
            <span class={`mark ${kind}`}>
              {counts.get(kind)} {markWord(kind)}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}
