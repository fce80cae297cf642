import type { CaseRecord, Finding } from '../../reports/record/record.ts';
import { authorityWords, isApart } from '../../reports/result-explanation.ts';
import { entrySightings } from '../../suites/runner/entry-sightings.ts';
import { accordanceOf, type ExpectationRules } from '../../suites/runner/expectations.ts';
import { counted } from '../counted.ts';
import { isAllSeen, linesOfNotSeen } from '../entries-not-seen.ts';

interface ObservedSummary {
  readonly text: string;
  /** 0 all as expected, 1 findings, 2 something lawful was not served. */
  readonly exitCode: number;
}

/** What is said at the end: how much was seen, what was broken, where the report is. */
export function observedSummary(
  results: readonly CaseRecord[],
  rules: ExpectationRules,
  paths: readonly string[],
): ObservedSummary {
  const targets = [...new Set(results.map(({ target }) => target))];
  const unexpected = results.flatMap((record) => {
    const accordance = accordanceOf(record, rules);
    return accordance.kind === 'unexpected' ? [{ record, why: accordance.why }] : [];
  });
  const lines = ['', ...targets.map((target) => countLine(target, results))];
  if (unexpected.length > 0) lines.push('', `Not as expected (${unexpected.length}):`);
  for (const { record, why } of unexpected) {
    lines.push('', `  ${record.target}  ${record.key}`);
    const counting = record.findings.filter((one) => !isApart(one));
    lines.push(...(counting.length === 0 ? [`    ${why}`] : counting.slice(0, 3).flatMap(findingLines)));
  }
  const sightings = entrySightings(results, rules);
  lines.push(...linesOfNotSeen(sightings));
  const apart = results.filter(({ findings }) => findings.length > 0 && findings.every(isApart)).length;
  if (apart > 0) lines.push('', `${counted(apart, 'result')} against newest or later text only, not counted`);
  lines.push('', ...paths.map((path) => `Report: ${path}`));
  const hasError = unexpected.some(({ record }) => record.verdict === 'error');
  const isAsExpected = unexpected.length === 0 && isAllSeen(sightings);
  return { text: lines.join('\n'), exitCode: hasError ? 2 : isAsExpected ? 0 : 1 };
}

/** `qemu: 124 requirements: 70 not seen, 52 pass, 2 fail`. */
function countLine(target: string, results: readonly CaseRecord[]): string {
  const own = results.filter((record) => record.target === target && record.outcomes.length > 0);
  const count = (verdict: CaseRecord['verdict']): number => own.filter((record) => record.verdict === verdict).length;
  return `${target}: ${counted(own.length, 'requirement')}: ${count('not-applicable')} not seen, ${count('pass')} pass, ${count('fail')} fail`;
}

function findingLines(found: Finding): string[] {
  const { requirement, what, expected, actual } = found;
  return [`    ${requirement} (${authorityWords(found)}): ${what}`, `      expected: ${expected}; got: ${actual}`];
}
