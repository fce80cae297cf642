import { featureVerdicts } from '../feature-verdicts.ts';
import { type FindingCause, findingCauses } from '../finding-causes.ts';
import { findingGroups } from '../findings.ts';
import type { MergedRun } from '../merge-runs.ts';
import { requirementVerdicts } from '../requirement-verdicts.ts';
import { authorityWords, findingSentence } from '../result-explanation.ts';
import { visibleLine } from '../visible-text.ts';

/** GitHub shows ten annotations of a kind for each step. */
const mostOfAKind = 10;

/** Workflow commands that GitHub shows beside a run: errors are violations of the text, warnings what no text says. */
export function githubReport(run: MergedRun): string {
  const causes = findingCauses(findingGroups(run)).filter(({ findings }) => !isExpected(findings));
  const lines = (['text', 'beyond', 'apart'] as const).flatMap((weight) =>
    causes
      .filter((cause) => cause.weight === weight)
      .slice(0, mostOfAKind)
      .map(annotationOf),
  );
  return lines.map((line) => `${line}\n`).join('');
}

const commands = { text: 'error', beyond: 'warning', apart: 'notice' } as const;

function annotationOf({ weight, findings: [group], results }: FindingCause): string {
  const { target, finding, places } = group;
  const title = `${target}: ${finding.requirement} (${authorityWords(finding)})`;
  const more = results === 1 ? '' : `, in ${results} results`;
  const rerun = places[0]?.result.record.rerun ?? '';
  return `::${commands[weight]} title=${escapedProperty(title)}::${escaped(`${findingSentence(finding)}${more}`)}%0A${escaped(rerun)}`;
}

const isExpected = (findings: FindingCause['findings']): boolean =>
  findings.every(({ places }) => places.every(({ result }) => result.record.expected !== undefined));

const escaped = (text: string): string => visibleLine(text).replaceAll('%', '%25');
/** Values of properties end at a comma or a colon. */
const escapedProperty = (text: string): string => escaped(text).replaceAll(':', '%3A').replaceAll(',', '%2C');

/** What a job shows below its log: Markdown for `$GITHUB_STEP_SUMMARY`. */
export function githubSummary(run: MergedRun): string {
  const causes = findingCauses(findingGroups(run));
  const violations = causes.filter(({ weight }) => weight === 'text').flatMap(({ findings }) => findings);
  const affected = new Set(violations.map(({ target }) => target)).size;
  const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;
  const lines = [
    `## ${count(violations.length, 'violation')} on ${affected} of ${count(run.targets.length, 'target')}`,
    '',
    '| target | pass | fail | not judged | violations | other findings |',
    '|---|---|---|---|---|---|',
    ...run.targets.map(({ target }) => rowOf(run, causes, target)),
    '',
    ...featureLines(run),
  ];
  for (const { findings } of causes.filter(({ weight }) => weight === 'text').slice(0, mostOfAKind * 2)) {
    const [{ target, finding }] = findings;
    lines.push(`* **${markdown(target)}** ${markdown(findingSentence(finding))}`);
  }
  if (run.missing.length > 0) lines.push('', `${count(run.missing.length, 'planned result')} not run.`);
  return `${lines.join('\n')}\n`;
}

function rowOf(run: MergedRun, causes: readonly FindingCause[], target: string): string {
  const results = run.results.filter(({ record }) => record.target === target);
  const of = (verdict: string): number => results.filter(({ record }) => record.verdict === verdict).length;
  const found = causes.flatMap(({ findings, weight }) =>
    findings.flatMap((group) => (group.target === target ? [weight] : [])),
  );
  const violations = found.filter((weight) => weight === 'text').length;
  const cells = [of('pass'), of('fail'), of('inconclusive') + of('not-run') + of('error'), violations];
  return `| ${markdown(target)} | ${[...cells, found.length - violations].join(' | ')} |`;
}

function featureLines(run: MergedRun): string[] {
  const rows = featureVerdicts(run, requirementVerdicts(run)).flatMap((group) => group.rows);
  const failed = rows.filter(({ cells }) => cells.some(({ kind }) => kind === 'fail'));
  return failed.length === 0
    ? []
    : [`Feature bits that fail: ${failed.map(({ feature }) => feature.name).join(', ')}`, ''];
}

/** Text from outside stands in one cell, and is no markup. */
const markdown = (text: string): string =>
  visibleLine(text)
    .replace(/[\\`*_{}[\]<>#|~]/g, (character) => `\\${character}`)
    .replaceAll('\\<', '&lt;');
