import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { coveredCatalogue } from '../covered-catalogue.ts';
import { coverageReport } from '../html/html-report.ts';
import { readCatalogueSnapshot, type SnapshotRequirement } from '../record/catalogue-snapshot.ts';
import { newestPlace, requirementPlaces } from '../requirement-places.ts';
import { successiveChanges, textChanges } from '../text-changes.ts';
import { countOfUntested, untestedGroups } from '../untested-rules.ts';

function findRoot(from: string): string {
  return existsSync(join(from, 'package-lock.json')) ? from : findRoot(dirname(from));
}

/** Four rules of three texts, one of them with a case. */
const catalogue = readCatalogueSnapshot(join(findRoot(import.meta.dirname), 'fixtures/records/1.7/catalogue.json'));

function ruleOf(id: string): SnapshotRequirement {
  const rule = catalogue.requirements.find((requirement) => requirement.id === id);
  if (rule === undefined) throw new RangeError(`the record has no ${id}`);
  return rule;
}

const wraps = ruleOf('split/used-idx-wraps');
const table = ruleOf('split/descriptor-table-never-written');
const skipDrain = ruleOf('vu-front-end/skip-drain-needs-skip-drain');

t.test('a rule stands in each version that holds it, in the page and in the sources', async (t) => {
  const places = requirementPlaces(catalogue, wraps);
  t.same(
    places.map(({ version }) => version),
    ['virtio-1.0', 'virtio-1.1', 'virtio-1.2', 'virtio-1.3', 'virtio-1.4'],
  );
  const [oldest] = places;
  t.match(oldest?.published, /\/v1\.0\/cs04\/virtio-v1\.0-cs04\.html#x1-\d+0008$/);
  t.equal(oldest?.number, '2.4.8', 'with the number that it had');
  t.match(oldest?.source?.address, /\/v1\.0-cs04\/content\.tex#L\d+$/);
  t.equal(oldest?.opened, undefined, 'nobody opened the page');
  t.equal(newestPlace(places)?.version, 'virtio-1.4');
});

t.test('of a text that was not looked at, the address alone is known', async (t) => {
  const [place, ...others] = requirementPlaces(catalogue, skipDrain);
  t.same(others, []);
  t.match(place, { version: 'vhost-user-newest', number: '', title: 'VHOST_USER_GET_VRING_BASE_SKIP_DRAIN' });
  t.equal(place?.source, undefined);
  t.match(place?.published, /^https:/);
});

t.test('only addresses of the web become links', async (t) => {
  const sources = (catalogue.sources ?? []).map((source) => ({
    ...source,
    address: 'javascript:alert(1)',
    sourceAddress: 'file:///etc/passwd',
  }));
  for (const place of requirementPlaces({ ...catalogue, sources }, wraps)) {
    t.equal(place.published, undefined);
    t.equal(place.source, undefined);
  }
});

t.test('a record of an older schema has no places', async (t) => {
  const { since: _, ...older } = wraps;
  t.same(requirementPlaces({}, older), []);
});

t.test('versions differ in what appeared, changed its level, and went', async (t) => {
  const names = (rules: readonly SnapshotRequirement[]) => rules.map(({ id }) => id);
  const brought = textChanges(catalogue, 'virtio-1.1', 'virtio-1.2');
  t.same(names(brought.changed), [table.id], 'a fact before, and a keyword since');
  t.same(names(brought.appeared), []);
  const { formerly: _, ...appeared } = table;
  const gone = { ...wraps, until: 'virtio-1.1' };
  const other = textChanges({ ...catalogue, requirements: [appeared, gone] }, 'virtio-1.0', 'virtio-1.4');
  t.same([names(other.appeared), names(other.changed), names(other.went)], [[table.id], [], [wraps.id]]);
});

t.test('each version is compared with the one ahead of it in its own text', async (t) => {
  const steps = successiveChanges(catalogue).map(({ from, to }) => `${from} ${to}`);
  t.ok(steps.includes('virtio-1.3 virtio-1.4'));
  t.notOk(steps.includes('virtio-1.4 vhost-user-7.2'));
  t.ok(steps.indexOf('virtio-1.3 virtio-1.4') < steps.indexOf('virtio-1.0 virtio-1.1'), 'the newest first');
});

t.test('rules without a case are grouped by their reason', async (t) => {
  const rules = [
    { ...wraps, id: 'a/one', untested: 'not-observable: binds the driver' },
    { ...wraps, id: 'a/two', untested: 'not-yet' },
    { ...wraps, id: 'a/three', untested: 'not-yet: needs a queue' },
    { ...wraps, id: 'a/four', untested: 'not-yet: needs a queue' },
    { ...wraps, id: 'a/five', untested: 'implied-by b/six: it shows it' },
    wraps,
  ];
  const groups = untestedGroups({ requirements: rules, cases: catalogue.cases });
  t.same(
    groups.map(({ kind }) => kind),
    ['not-yet', 'implied-by', 'not-observable'],
  );
  t.same(
    groups[0]?.reasons.map(({ detail, rules }) => [detail, rules.map(({ id }) => id)]),
    [
      ['needs a queue', ['a/three', 'a/four']],
      ['', ['a/two']],
    ],
  );
  t.equal(groups[1]?.reasons[0]?.detail, 'b/six: it shows it');
  t.equal(countOfUntested(groups), 5, 'and the one with a case is none of them');
});

t.test('the page has every rule, with its cases and their faults or why it has none', async (t) => {
  const proof = { id: 'virtio/split-ring/used-idx-wraps-at-65536', faults: ['used-idx-saturates'] };
  const page = coverageReport(coveredCatalogue(catalogue, new Map([[wraps.id, [proof]]])));
  t.match(page, '1 of 4 rules have a case');
  for (const { id, untested } of catalogue.requirements) {
    t.match(page, `<code>${id}</code>`);
    if (untested !== undefined) t.match(page, `No case: ${untested}`);
  }
  t.match(page, proof.id);
  t.match(page, 'must catch used-idx-saturates');
  for (const { name } of catalogue.sources ?? []) t.match(page, `<code>${name}</code>`);
  t.match(page, 'id="changes-virtio-1.2"');
  t.match(page, 'was stated as a fact (MUST NOT), now MUST NOT');
});
