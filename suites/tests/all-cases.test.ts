import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type RequirementSlug, requirementOf } from '../../reference-impl/catalogue/catalogue.ts';
import { citedOrigins, coverageProblems } from '../../reference-impl/catalogue/coverage.ts';
import { faults, isFaultName, layerText } from '../../reference-impl/faults/faults.ts';
import { allCases, filesOfCases } from '../all-cases.ts';
import { axesOf, citedRequirements } from '../axes.ts';
import { variantsOf } from '../case.ts';
import { caseFileNames, casesOfFiles } from '../load-cases.ts';
import { retiredIds, successorsOf } from '../retired-ids.ts';

const cited = new Set(allCases.flatMap(citedRequirements));

t.test('ids are unique, and none of them is retired', async (t) => {
  const ids = allCases.map(({ id }) => id);
  t.equal(new Set(ids).size, ids.length);
  t.same(
    ids.filter((id) => id in retiredIds),
    [],
  );
  const successors = Object.values(retiredIds).flat();
  t.same(
    successors.filter((id) => !ids.includes(id)),
    [],
    'a retired id names cases that exist',
  );
});

t.test('a retired id means its successors, with the brackets of a key', async (t) => {
  const retired = { 'a/old': ['b/new', 'b/newer'] };
  t.same(successorsOf('a/old', retired), ['b/new', 'b/newer']);
  t.same(successorsOf('a/old[size=1]', retired), ['b/new[size=1]', 'b/newer[size=1]']);
  t.equal(successorsOf('a/ol', retired), undefined);
  t.equal(successorsOf('toString', retired), undefined);
});

t.test('every file of cases is listed', async (t) => {
  const sources = join(import.meta.dirname, '../../../suites');
  const files = readdirSync(sources, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.cases.ts'))
    .map((file) => file.replace('.cases.ts', ''));
  t.same([...caseFileNames].sort(), files.sort(), 'node scripts/generate-lists.mjs lists them');
  const listed = new Set<unknown>(allCases);
  const filed = await casesOfFiles(caseFileNames);
  t.same(
    filed.filter(({ definition }) => !listed.has(definition)),
    [],
  );
  t.same(filesOfCases(filed.map(({ definition }) => definition.id)), caseFileNames, 'each case is found in its file');
});

t.test('every requirement has a case, or says why none', async (t) => {
  const problems = coverageProblems(cited).map(({ requirement, problem }) => `${requirement.slug}: ${problem}`);
  t.same(problems, []);
});

t.test('every fault that a case names exists, and is of a transport of the case', async (t) => {
  for (const { id, proves, applies } of allCases) {
    for (const name of Object.values(proves).flat().map(String)) {
      if (!isFaultName(name)) t.fail(`${id} names ${name}, which is no fault`);
      else {
        const fault = faults[name];
        const isReached =
          fault.layer !== 'transport' ||
          applies.transports === undefined ||
          applies.transports.includes(fault.transport);
        t.ok(isReached, `${id} names ${name}, of ${layerText(fault)}`);
      }
    }
  }
});

t.test('what the project promises: 80 cases, 60 origins', async (t) => {
  t.ok(allCases.length >= 80, `${allCases.length} cases`);
  t.ok(citedOrigins(cited).size >= 60, `${citedOrigins(cited).size} origins`);
});

t.test('variants are all combinations', async (t) => {
  for (const definition of allCases) {
    const expected = Object.values(definition.variants).reduce((product, values) => product * values.length, 1);
    const keys = new Set(variantsOf(definition).map((variant) => JSON.stringify(variant)));
    t.equal(keys.size, expected, definition.id);
  }
});

t.test(
  'a case that runs on both layouts cites no requirement that the text on packed rings does not make',
  async (t) => {
    for (const definition of allCases) {
      if (!axesOf(definition).some(({ layout }) => layout === 'packed')) continue;
      for (const slug of Object.keys(definition.proves) as RequirementSlug[]) {
        const { counterpart } = requirementOf(slug);
        t.notOk(counterpart !== undefined && 'none' in counterpart, `${definition.id}: ${slug}: say ring: 'split'`);
      }
    }
  },
);
