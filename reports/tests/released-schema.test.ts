import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { findingGroups } from '../findings.ts';
import { htmlReport } from '../html/html-report.ts';
import { mergeRuns } from '../merge-runs.ts';
import { recordSchemaVersion } from '../record/record.ts';
import { type JsonReport, jsonReport } from '../reporters/json.ts';
import { junitReport } from '../reporters/junit.ts';
import { ktapReport } from '../reporters/ktap.ts';
import { tapReport } from '../reporters/tap.ts';

const releases = join(findRoot(import.meta.dirname), 'fixtures/records');

t.test('the schema that is written now has a run on file', (t) => {
  const { major, minor } = recordSchemaVersion;
  t.ok(readdirSync(releases).includes(`${major}.${minor}`));
  t.end();
});

/** What the run of each release holds; a run is never changed after its schema was released. */
const held: Readonly<Record<string, Held>> = {
  '1.0': { results: 90, findings: 8, shown: ['VHOST_USER_SET_MEM_TABLE'] },
  '1.1': {
    results: 120,
    findings: 9,
    shown: ['VHOST_USER_SET_MEM_TABLE', 'VHOST_GET_VRING_BASE answer', 'Kernel panic', 'of another transport'],
  },
  '1.2': {
    results: 120,
    findings: 9,
    shown: ['VHOST_USER_SET_MEM_TABLE', 'VHOST_GET_VRING_BASE answer', 'Kernel panic', '2 instances at once'],
  },
  '1.3': {
    results: 120,
    findings: 9,
    shown: ['VHOST_USER_SET_MEM_TABLE', 'Kernel panic', 'newest text only: not counted', 'beyond any text'],
  },
  '1.4': {
    results: 93,
    findings: 1,
    verdicts: 3,
    shown: ['as front-end and driver', 'front-end · under test', 'not taken', 'not seen in 1 connection'],
  },
  '1.5': {
    results: 26,
    findings: 1,
    verdicts: 4,
    shown: ['vdpa mgmtdev show', 'supported_classes net', 'vdpa dev config show', 'mtu 9000'],
  },
  '1.6': {
    results: 4,
    findings: 3,
    verdicts: 2,
    shown: ['written to', 'virtio-1.2, vhost-user-7.2', 'later than the text that counts: not counted', '2 violations'],
  },
  '1.7': {
    results: 4,
    findings: 2,
    verdicts: 1,
    shown: [
      'virtio-v1.4-cs01.html#x1-',
      'oasis-tcs/virtio-spec/blob/v1.4-cs01/split-ring.tex#L',
      'unverified; source read 2026-',
      '?plain=1#L',
    ],
  },
};

interface Held {
  readonly results: number;
  readonly findings: number;
  /** How many verdicts there are among its results; all of them, where it is left out. */
  readonly verdicts?: number;
  /** Words of its page: of its traces among others. */
  readonly shown: readonly string[];
}

for (const release of readdirSync(releases)) {
  t.test(`a run recorded with schema ${release} still renders`, (t) => {
    const run = mergeRuns([join(releases, release)]);
    t.strictSame(run.remarks, []);
    t.strictSame(run.missing, []);
    t.equal(run.results.length, held[release]?.results);
    const found = findingGroups(run);
    t.equal(found.length, held[release]?.findings);

    const page = htmlReport(run);
    for (const { anchor } of found) t.match(page, `id="${anchor}"`);
    // Below a heading of their own where they are many.
    const heading = run.targets.length > 2 ? 'h3' : 'h2';
    for (const { target } of run.targets) t.match(page, `<${heading}><bdi>${target}</bdi></${heading}>`);
    const verdicts = new Set(run.results.map(({ record }) => record.verdict));
    t.equal(verdicts.size, held[release]?.verdicts ?? 6, 'every verdict is among them');
    for (const words of held[release]?.shown ?? []) t.match(page, words, 'is shown');
    t.notMatch(page, 'cannot be read');

    t.match(tapReport(run), `1..${run.results.length}`);
    t.match(ktapReport(run), 'KTAP version 1');
    t.equal(junitReport(run).split('<testcase ').length - 1, run.results.length);
    t.equal((JSON.parse(jsonReport(run)) as JsonReport).results.length, run.results.length);
    t.end();
  });
}

function findRoot(from: string): string {
  return existsSync(join(from, 'package-lock.json')) ? from : findRoot(dirname(from));
}
