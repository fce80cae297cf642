import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { findingGroups } from '../findings.ts';
import { htmlReport } from '../html/html-report.ts';
import { judgedByTexts } from '../judged-by-texts.ts';
import { type MergedRun, mergeRuns } from '../merge-runs.ts';
import { type JsonReport, jsonReport } from '../reporters/json.ts';
import { junitReport } from '../reporters/junit.ts';
import { ktapReport } from '../reporters/ktap.ts';
import { tapReport } from '../reporters/tap.ts';

/** The newest text alone holds these two, and targets break them; the second is robustness. */
const newest = 'vu-ring-state/settings-change-while-ring-runs';
const newestBeyond = 'vu-inflight/skip-drain-offered-with-prerequisites';
const beyond = 'split/writable-before-readable-survived';
const run = mergeRuns([join(findRoot(import.meta.dirname), 'fixtures/records/1.3')]);

const headlineOf = (judged: MergedRun): string => /<h1>(.*?)<\/h1>/.exec(htmlReport(judged))?.[1] ?? '';
const failuresIn = (judged: MergedRun): number => junitReport(judged).split('<failure ').length - 1;

t.test('a finding that the newest text alone makes one stands apart in every report', async (t) => {
  const findings = findingGroups(run);
  const apart = findings.filter(({ finding }) => finding.apart !== undefined);
  t.same(new Set(apart.map(({ finding }) => finding.requirement)), new Set([newest, newestBeyond]));
  t.match(headlineOf(run), '6 violations', 'of 9 findings two are apart and one is robustness');
  t.match(htmlReport(run), 'newest text only: not counted as a violation');
  t.match(junitReport(run), /<skipped message="[^"]*\(MUST, newest text only\)/);
  t.match(tapReport(run), /not ok .* # TODO newest text only/);
  t.match(ktapReport(run), /ok .* # XFAIL newest text only/);
  const { findings: told, requirements } = JSON.parse(jsonReport(run)) as JsonReport;
  t.match(
    told.find(({ requirement }) => requirement === newest),
    { level: 'MUST', since: 'vhost-user-newest', until: null, apart: 'newest-text-only' },
  );
  t.match(
    requirements.find(({ id }) => id === newest),
    { apart: 'newest-text-only' },
  );
});

t.test('it counts where the newest text is chosen', async (t) => {
  const chosen = judgedByTexts(run, ['vhost-user-newest']);
  t.match(headlineOf(chosen), '7 violations');
  t.equal(failuresIn(chosen), failuresIn(run) + findingPlaces(newest) + findingPlaces(newestBeyond));
  t.notMatch(htmlReport(chosen), 'newest text only');
});

t.test('an older choice sets apart what came later, and never a crash, a hang or a leak', async (t) => {
  const chosen = judgedByTexts(run, ['vhost-user-7.2']);
  const apart = findingGroups(chosen).filter(({ finding }) => finding.apart === 'later-text');
  t.ok(apart.length > 0);
  for (const { finding } of apart) t.notOk(['crash', 'hang', 'leak'].includes(finding.how));
  t.equal(failuresIn(judgedByTexts(chosen, [])), failuresIn(run), 'and back');
});

t.test('what a target was written to counts for it alone, where no other version is chosen', async (t) => {
  const later = 'vu-ring-state/start-does-not-wait-for-kick';
  const old = mergeRuns([join(findRoot(import.meta.dirname), 'fixtures/records/1.6')]);
  t.match(headlineOf(old), '2 violations');
  const [found] = findingGroups(old).filter(({ finding }) => finding.requirement === later);
  t.equal(found?.finding.apart, 'later-text');
  t.match(headlineOf(judgedByTexts(old, ['vhost-user-newest'])), '3 violations', 'a choice takes its place');
  t.match(headlineOf(judgedByTexts(old, ['virtio-1.1'])), '2 violations', 'one of another text leaves it');
  const [target] = old.targets;
  if (target === undefined) throw new RangeError('no target');
  const { texts: _, ...anyText } = target;
  const renamed = ({ root, record }: (typeof old.results)[number]) => ({ root, record: { ...record, target: 'new' } });
  const bitName = 'VHOST_USER_F_PROTOCOL_FEATURES';
  const requirements = old.catalogue.requirements.map((one) =>
    one.id === later ? { ...one, features: [bitName] } : one,
  );
  const both = judgedByTexts(
    {
      ...old,
      catalogue: { ...old.catalogue, requirements },
      targets: [target, { ...anyText, target: 'new' }],
      results: [...old.results, ...old.results.map(renamed)],
    },
    [],
  );
  const apart = findingGroups(both).flatMap(({ target: name, finding }) => (finding.apart === undefined ? [] : [name]));
  t.same(apart, [target.target]);
  const { requirements: told, features } = JSON.parse(jsonReport(both)) as JsonReport;
  t.equal(told.find(({ id }) => id === later)?.apart, undefined, 'it counts for one of them');
  const bit = features.find(({ name }) => name === bitName);
  t.match(bit?.verdicts['new'], { kind: 'fail', failed: 2 });
  t.match(bit?.verdicts[target.target], { kind: 'fail', failed: 1 }, 'it fails no cell of the other');
});

t.test('robustness has no keyword, also in records that gave it one', async (t) => {
  for (const release of ['1.2', '1.3']) {
    const recorded = mergeRuns([join(findRoot(import.meta.dirname), 'fixtures/records', release)]);
    t.match(tapReport(recorded), `${beyond} (robustness): `);
    const { findings } = JSON.parse(jsonReport(recorded)) as JsonReport;
    t.match(
      findings.find(({ requirement }) => requirement === beyond),
      { level: null, basis: 'robustness' },
    );
  }
});

function findingPlaces(requirement: string): number {
  return run.results.flatMap(({ record }) => record.findings).filter((found) => found.requirement === requirement)
    .length;
}

function findRoot(from: string): string {
  return existsSync(join(from, 'package-lock.json')) ? from : findRoot(dirname(from));
}
