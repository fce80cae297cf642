import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { backEnds } from '../../fixtures/back-ends/index.ts';
import { type FindingStanding, findingsRead, readingOfFinding } from '../../fixtures/back-ends/readings.ts';
import { targets } from '../../fixtures/targets/index.ts';
import {
  allSources,
  isRequirementSlug,
  type Requirement,
  requirementOf,
  textStandingOf,
} from '../../reference-impl/catalogue/catalogue.ts';
import { isBeyondText } from '../../reference-impl/catalogue/requirement.ts';
import { neverExcused } from '../../reports/record/record.ts';
import { readExpectations } from '../../suites/runner/expectations.ts';

const { findings } = findingsRead;
const sources = allSources();
const nowhere = { root: '/nowhere' };
/** All that is judged and no reference of ours: back-ends of Debian, and targets that findings are read of as well. */
const judged = [...backEnds.map((backEnd) => backEnd.target(nowhere, '/nowhere')), ...targets].map(
  ({ facts }) => facts,
);
/** The versions of texts that each was written to. */
const texts = new Map(judged.map((facts) => [facts.name, facts.texts ?? []]));
const overVhostUser = new Set(judged.filter(({ transport }) => transport === 'vhost-user').map(({ name }) => name));

/** Standings by which a version of a text is broken. */
const isOfText = (standing: FindingStanding): boolean => standing === 'violation' || standing === 'later-text';

/** Where a requirement stands in the text that a back-end was written to. */
const standingFor = (requirement: Requirement, backEnd: string): string =>
  textStandingOf(requirement, sources, texts.get(backEnd) ?? []);

t.test('each back-end says one version of each text that it was written to', async (t) => {
  const read = new Set(findings.flatMap(({ backEnds: on }) => on));
  t.same(
    [...read].filter((name) => !texts.has(name)),
    [],
    'each that is read is known',
  );
  for (const backEnd of read) {
    if (!overVhostUser.has(backEnd)) continue;
    const versions = texts.get(backEnd) ?? [];
    const families = versions.map((version) => sources.find(({ name }) => name === version)?.family);
    t.same([...families].sort(), ['vhost-user', 'virtio'], backEnd);
  }
});

t.test('no finding is read twice', async (t) => {
  const pairs = findings.flatMap(({ requirement, how, backEnds: on }) =>
    how.flatMap((way) => on.map((backEnd) => `${requirement} ${way} ${backEnd}`)),
  );
  t.same(
    pairs.filter((pair, at) => pairs.indexOf(pair) !== at),
    [],
  );
});

t.test('what breaks a text was read twice', async (t) => {
  const once = findings.filter(({ standing, secondReader }) => isOfText(standing) && secondReader === undefined);
  t.same(
    once.map(({ requirement, backEnds: on }) => `${requirement} on ${on.join(', ')}`),
    [],
  );
});

t.test('what a second reader puts right is told once', async (t) => {
  for (const { requirement, secondReader } of findings) {
    if (typeof secondReader !== 'object' || !('corrected' in secondReader)) continue;
    t.equal(new Set(secondReader.corrected).size, secondReader.corrected.length, requirement);
  }
});

t.test('what a reader made of a finding is what the catalogue says of its requirement', async (t) => {
  for (const { requirement: slug, how, backEnds: on, standing } of findings) {
    if (!isRequirementSlug(slug)) {
      t.fail(`${slug}: no such requirement`);
      continue;
    }
    const requirement = requirementOf(slug);
    const isText = !isBeyondText(requirement.basis);
    for (const backEnd of on) {
      const inForce = standingFor(requirement, backEnd) === 'in-force';
      const what = `${slug} on ${backEnd}: ${standing}`;
      if (standing === 'violation') t.ok(isText && inForce, what);
      if (standing === 'later-text') t.ok(isText && !inForce, what);
      if (standing === 'choice') t.equal(requirement.basis, 'choice', what);
      if (standing === 'robustness') {
        t.ok(requirement.basis === 'robustness' || how.every((way) => neverExcused.has(way)), what);
      }
    }
  }
});

const directory = fileURLToPath(new URL('../../../fixtures/expectations', import.meta.url));
/** Files of expectations, by name. */
const expectations = readdirSync(directory)
  .filter((name) => name !== 'findings-read.json' && name !== 'witnesses.json')
  .map((name) => ({ name, entries: readExpectations(join(directory, name)) }));

t.test('each expectation is about a requirement', async (t) => {
  for (const { name, entries } of expectations) {
    t.ok(entries.length > 0, name);
    const without = entries.filter(({ requirement }) => requirement === undefined).map(({ case: id }) => id);
    t.same(without, [], name);
  }
});

t.test('each failure that is expected was read, and its reason is what was read', async (t) => {
  // Ours with the mistakes of its text, each of which has a reason in the list: another test compares.
  const ofOthers = expectations.filter(({ name }) => name !== 'vhost-mdev-faithful.json');
  for (const { target, case: id, requirement, verdict, how, reason } of ofOthers.flatMap(({ entries }) => entries)) {
    if (verdict !== 'fail') continue;
    const read = findings.filter(
      (one) =>
        one.requirement === requirement &&
        one.backEnds.includes(target) &&
        (how === undefined || one.how.includes(how)),
    );
    t.ok(
      read.some(({ why }) => why === reason),
      `${target} ${id}: ${requirement}`,
    );
  }
});

t.test('what was read of a target that no back-end of Debian is, is expected of it', async (t) => {
  for (const { entries: expected } of expectations) {
    if (expected.some(({ target }) => target === 'qemu-storage-daemon' || target === 'dpdk-testpmd')) continue;
    const of = new Set(expected.map(({ target }) => target));
    for (const { requirement, backEnds: on, why } of findings) {
      for (const backEnd of on.filter((one) => of.has(one))) {
        const isExpected = expected.some(
          (one) =>
            one.target === backEnd && one.requirement === requirement && one.verdict === 'fail' && one.reason === why,
        );
        t.ok(isExpected, `${requirement} on ${backEnd}`);
      }
    }
  }
});

t.test('a finding has the reading of its back-end and way of failing', async (t) => {
  const [first] = findings;
  if (first === undefined) return t.fail('nothing is read');
  const [backEnd = ''] = first.backEnds;
  const [how = 'wrong'] = first.how;
  t.equal(readingOfFinding(backEnd, { requirement: first.requirement, how }), first);
  t.equal(readingOfFinding('other', { requirement: first.requirement, how }), undefined);
});
