import { byWeight } from '../finding-causes.ts';
import type { MergedRun } from '../merge-runs.ts';
import type { CaseRecord } from '../record/record.ts';
import { authorityWords, findingSentence, levelWord, reasonsOf, standingOf } from '../result-explanation.ts';
import { visibleText } from '../visible-text.ts';

/** JUnit XML: a test suite for each target. Results that were not run are skipped tests. */
export function junitReport(run: MergedRun): string {
  const names = [...new Set(run.plan.results.map(({ target }) => target))];
  const suites = names.map((name) => suiteOf(run, name));
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="${escapeXml(run.facts.suite.name)}">\n${suites.join('')}</testsuites>\n`;
}

function suiteOf(run: MergedRun, target: string): string {
  const records = run.results.map(({ record }) => record).filter((record) => record.target === target);
  const missing = run.missing.filter((planned) => planned.target === target);
  const count = (standing: string): number => records.filter((record) => standingOf(record) === standing).length;
  const attributes = {
    name: target,
    tests: records.length + missing.length,
    failures: count('failed'),
    errors: count('broken'),
    skipped: count('skipped') + count('known') + count('apart') + missing.length,
    time: seconds(records.reduce((sum, { durationMs }) => sum + durationMs, 0)),
    timestamp: run.facts.startedAt.replace(/\.\d+Z$|Z$/, ''),
  };
  const instances = run.targets.find((one) => one.target === target)?.instances;
  const cases = [
    // Several instances shared the machine: times are longer than those of one.
    ...(instances === undefined
      ? []
      : [element('properties', {}, element('property', { name: 'instances', value: instances }, ''))]),
    ...records.map(caseOf),
    ...missing.map(({ key }) => element('testcase', { classname: target, name: key }, skipped('no shard ran it'))),
  ];
  return `  ${element('testsuite', attributes, `\n${cases.map((text) => `    ${text}\n`).join('')}  `)}\n`;
}

function caseOf(record: CaseRecord): string {
  const { key, target, repetition, durationMs } = record;
  const name = repetition === 0 ? key : `${key} (repetition ${repetition})`;
  return element('testcase', { classname: target, name, time: seconds(durationMs) }, bodyOf(record));
}

function bodyOf(record: CaseRecord): string {
  const reasons = reasonsOf(record).join('; ');
  switch (standingOf(record)) {
    case 'ok':
      return '';
    case 'failed':
      return failureOf(record);
    case 'broken':
      return element('error', { type: 'error', message: reasons.split('\n')[0] ?? '' }, escapeXml(reasons));
    case 'known':
      return skipped(`known: ${record.expected?.reason ?? ''}`);
    case 'apart':
      return skipped(record.findings.map(findingSentence).join('; '));
    case 'skipped':
      return skipped([record.verdict, reasons].filter((part) => part !== '').join(': '));
  }
}

/** One failure, of the heaviest finding; its text holds them all. */
function failureOf(record: CaseRecord): string {
  const findings = byWeight(record.findings);
  const [first] = findings;
  if (first === undefined) return element('failure', { type: 'wrong', message: 'no finding says why' }, '');
  const more = findings.length === 1 ? '' : ` (and ${findings.length - 1} more)`;
  const text = findings.flatMap((finding) =>
    [findingSentence(finding), finding.stderr, finding.kernelLog].filter((part) => part !== undefined),
  );
  const level = element('property', { name: 'level', value: levelWord(first) }, '');
  const basis = element('property', { name: 'basis', value: first.basis }, '');
  const failure = element(
    'failure',
    { type: first.how, message: `${authorityWords(first)}: ${first.what}${more}` },
    escapeXml([...text, record.rerun].join('\n')),
  );
  return `${element('properties', {}, `${level}${basis}`)}${failure}`;
}

function skipped(message: string): string {
  return element('skipped', { message }, '');
}

function element(name: string, attributes: Record<string, string | number>, body: string): string {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeXml(String(value))}"`);
  return body === '' ? `<${name}${written.join('')}/>` : `<${name}${written.join('')}>${body}</${name}>`;
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(3);
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };

/** Characters that XML 1.0 cannot hold at all are already visible by name. */
function escapeXml(text: string): string {
  return visibleText(text).replace(/[&<>"']/g, (character) => entities[character] ?? '');
}
