import type { MergedRun } from '../merge-runs.ts';
import type { CaseRecord } from '../record/record.ts';
import type { PlannedResult } from '../record/run-plan.ts';
import { apartReasons, findingSentence, outcomeWord, reasonsOf, standingOf } from '../result-explanation.ts';
import { visibleLine } from '../visible-text.ts';

/** TAP 14, a test point for each planned result. Inconclusive results are `not ok … # TODO`: open, no failure. */
export function tapReport(run: MergedRun): string {
  const lines = ['TAP version 14', `1..${run.results.length + run.missing.length}`];
  let number = 0;
  for (const { record } of run.results) {
    number += 1;
    lines.push(pointOf(number, record), ...diagnosticsOf(record));
  }
  for (const planned of run.missing) {
    number += 1;
    lines.push(`ok ${number} - ${description(planned)} # SKIP no shard ran it`);
  }
  return `${lines.join('\n')}\n`;
}

function pointOf(number: number, record: CaseRecord): string {
  const name = `${number} - ${description(record)}`;
  const why = escapeHash(visibleLine([outcomeWord(record.verdict), ...reasonsOf(record)].join(': ')));
  switch (standingOf(record)) {
    case 'ok':
      return `ok ${name}`;
    case 'failed':
    case 'broken':
      return `not ok ${name}`;
    case 'known':
      return `not ok ${name} # TODO known: ${escapeHash(visibleLine(record.expected?.reason ?? ''))}`;
    case 'apart':
      return `not ok ${name} # TODO ${escapeHash(visibleLine(apartReasons(record)))}`;
    case 'skipped':
      return record.verdict === 'inconclusive' ? `not ok ${name} # TODO ${why}` : `ok ${name} # SKIP ${why}`;
  }
}

function description({ target, key, repetition }: PlannedResult): string {
  const again = repetition === 0 ? '' : ` (repetition ${repetition})`;
  return escapeHash(visibleLine(`${target}: ${key}${again}`));
}

/** A `#` in a description would begin a directive. */
function escapeHash(text: string): string {
  return text.replace(/[\\#]/g, '\\$&');
}

/** A YAML block. JSON strings are YAML double-quoted scalars, so nothing from outside can leave its line. */
function diagnosticsOf(record: CaseRecord): string[] {
  const { findings, error } = record;
  if (findings.length === 0 && error === undefined) return [];
  const scalar = (text: string): string => JSON.stringify(visibleLine(text));
  return [
    '  ---',
    ...(error === undefined ? [] : [`  error: ${scalar(error)}`]),
    ...(findings.length === 0 ? [] : ['  findings:']),
    ...findings.map((finding) => `    - ${scalar(findingSentence(finding))}`),
    `  rerun: ${scalar(record.rerun)}`,
    '  ...',
  ];
}
