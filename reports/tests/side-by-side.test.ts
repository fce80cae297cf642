import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { findingGroups } from '../findings.ts';
import { htmlReport } from '../html/html-report.ts';
import { mergeRuns } from '../merge-runs.ts';
import { claimRunDirectory } from '../record/run-directory.ts';
import { planHashOf, readRunPlan, writeRunPlan } from '../record/run-plan.ts';
import { runsSideBySide } from '../side-by-side.ts';
import { readTrace, traceFile } from '../trace/trace-file.ts';
import { writeMergedRun } from '../write-merged-run.ts';
import { writeSampleRun } from './sample-run.ts';
import { splitRun } from './split-run.ts';

const work = t.testdir();
const whole = join(work, 'whole');
writeSampleRun(whole, { cases: 24, failing: 6 });
const host = ofTargets('host', (target) => target !== 'kernel-vhost-mdev');
const guest = ofTargets('guest', (target) => target === 'kernel-vhost-mdev');

/** A run of some of the sample's targets, as though it had been one of its own. */
function ofTargets(name: string, isWanted: (target: string) => boolean): string {
  const root = join(work, name);
  cpSync(whole, root, { recursive: true });
  const results = readRunPlan(join(root, 'plan.json')).results.filter(({ target }) => isWanted(target));
  writeRunPlan(join(root, 'plan.json'), results);
  const path = join(root, 'results.jsonl');
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  const records = lines.flatMap((line) => {
    const record = JSON.parse(line) as { event: string; target?: string };
    if (record.event === 'run') return [{ ...record, planHash: planHashOf(results), planned: results.length }];
    return record.target === undefined || isWanted(record.target) ? [record] : [];
  });
  writeFileSync(path, `${records.map((record) => JSON.stringify(record)).join('\n')}\n`);
  return root;
}

t.test('separate runs stand side by side, each target once', async (t) => {
  const run = runsSideBySide([host, guest]);
  const all = mergeRuns([whole]);
  t.strictSame(
    run.targets.map(({ target }) => target),
    all.targets.map(({ target }) => target),
  );
  t.equal(run.results.length, all.results.length);
  t.strictSame(run.missing, []);
  t.strictSame(run.remarks, []);
  t.equal(run.facts.planHash, all.facts.planHash, 'as one run of all targets would have been planned');
  t.strictSame(run.facts.command, [...all.facts.command, ';', ...all.facts.command]);
  t.strictSame(
    findingGroups(run).map(({ anchor }) => anchor),
    findingGroups(all).map(({ anchor }) => anchor),
  );
  const merged = claimRunDirectory(join(work, 'merged'), (staging) => writeMergedRun(run, staging));
  t.ok(htmlReport(run) === htmlReport(mergeRuns([merged.root])), 'written as one run it gives the same page');
});

t.test('shards of one plan are still one run', async (t) => {
  const shards = splitRun(host, work, 2);
  const direct = htmlReport(mergeRuns([host]));
  t.ok(direct === htmlReport(runsSideBySide(shards)));
  const [first = '', second = ''] = shards;
  const run = runsSideBySide([first, guest, second]);
  t.strictSame(run.missing, []);
  t.equal(run.targets.length, 4);
  t.ok(runsSideBySide([first, guest]).missing.length > 0, 'what one of them did not run is missing');
});

t.test('a target of two runs is there twice, with traces of its own', async (t) => {
  const other = join(work, 'other');
  writeSampleRun(other, { cases: 30, failing: 6 });
  const run = runsSideBySide([guest, other]);
  t.strictSame(
    run.targets.map(({ target }) => target),
    ['kernel-vhost-mdev', 'qemu-storage-daemon', 'dpdk-testpmd', 'reference', 'kernel-vhost-mdev (2)'],
  );
  t.strictSame(run.remarks, [`kernel-vhost-mdev (2) is kernel-vhost-mdev of the run in ${other}`]);
  const { root } = claimRunDirectory(join(work, 'twice'), (staging) => writeMergedRun(run, staging));
  const read = mergeRuns([root]);
  t.ok(htmlReport(run).replace(/<div class="warning".*?<\/div>/s, '') === htmlReport(read), 'but for the remark');
  const traces = read.results.flatMap(({ record }) => record.trace ?? []);
  t.equal(new Set(traces).size, traces.length);
  for (const trace of traces) t.ok(readTrace(traceFile(root, trace)).events.length > 0);
  const third = runsSideBySide([guest, other, join(work, 'twice')]);
  t.ok(third.targets.some(({ target }) => target === 'kernel-vhost-mdev (3)'));
  t.equal(new Set(third.targets.map(({ target }) => target)).size, third.targets.length);
});

t.test('runs of different catalogues are refused in one line', async (t) => {
  const another = join(work, 'another');
  cpSync(guest, another, { recursive: true });
  for (const name of ['catalogue.json', 'results.jsonl']) {
    const path = join(another, name);
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replace(/("hash"|"catalogueHash"):\s*"[0-9a-f]+"/, '$1:"beef"'));
  }
  t.throws(() => runsSideBySide([host, another]), { code: 'record', message: /was made with another catalogue than/ });
  t.throws(() => runsSideBySide([host, join(work, 'nowhere')]), { code: 'record', message: /holds no results/ });
});
