import type { MergedRun } from '../merge-runs.ts';
import type { CaseRecord } from '../record/record.ts';
import { apartReasons, findingSentence, outcomeWord, reasonsOf, standingOf } from '../result-explanation.ts';
import { visibleLine } from '../visible-text.ts';

/** Of a test below another, as the kernel's own output has it. */
const indent = '  ';

/** KTAP version 1 as the kernel's tools read it: a subtest for each target, in it a test for each planned result. */
export function ktapReport(run: MergedRun): string {
  const names = [...new Set(run.plan.results.map(({ target }) => target))];
  const lines = ['KTAP version 1', `1..${names.length}`];
  for (const [index, name] of names.entries()) {
    const records = run.results.map(({ record }) => record).filter(({ target }) => target === name);
    const missing = run.missing.filter(({ target }) => target === name);
    lines.push(`${indent}KTAP version 1`, `${indent}1..${records.length + missing.length}`);
    let number = 0;
    for (const record of records) {
      number += 1;
      lines.push(...diagnosticsOf(record), `${indent}${resultLine(number, record)}`);
    }
    for (const { key } of missing) {
      number += 1;
      lines.push(`${indent}ok ${number} ${nameOf(key)} # SKIP no shard ran it`);
    }
    const isOk = records.every((record) => !['failed', 'broken'].includes(standingOf(record)));
    lines.push(`${isOk ? 'ok' : 'not ok'} ${index + 1} ${nameOf(name)}`);
  }
  return `${lines.join('\n')}\n`;
}

function resultLine(number: number, record: CaseRecord): string {
  const name = nameOf(record.repetition === 0 ? record.key : `${record.key} (repetition ${record.repetition})`);
  const why = nameOf([outcomeWord(record.verdict), ...reasonsOf(record)].join(': '));
  const found = record.findings.map(findingSentence).join('; ');
  switch (standingOf(record)) {
    case 'ok':
      return `ok ${number} ${name}`;
    case 'failed':
      return `not ok ${number} ${name}`;
    case 'broken':
      return `not ok ${number} ${name} # ERROR ${why}`;
    case 'known':
      return `ok ${number} ${name} # XFAIL ${nameOf(`${record.expected?.reason ?? ''}: ${found}`)}`;
    case 'apart':
      return `ok ${number} ${name} # XFAIL ${nameOf(`${apartReasons(record)}: ${found}`)}`;
    case 'skipped':
      return `ok ${number} ${name} # SKIP ${why}`;
  }
}

/** KTAP knows no escape: a `#` in a name would begin a directive. */
function nameOf(text: string): string {
  return visibleLine(text).replaceAll('#', '＃');
}

function diagnosticsOf({ findings }: CaseRecord): string[] {
  return findings.map((finding) => `${indent}# ${visibleLine(findingSentence(finding))}`);
}
