import t from 'tap';
import { isRequirementSlug } from '../../reference-impl/catalogue/catalogue.ts';
import { witnessProblems } from '../../reference-impl/catalogue/coverage.ts';
import { allCases } from '../../suites/all-cases.ts';
import { citedRequirements } from '../../suites/axes.ts';
import { readWitnesses } from '../witness-list.ts';

const cited = new Set(allCases.flatMap(citedRequirements));
const witnesses = readWitnesses();
const passed = new Set(Object.values(witnesses).flat());

t.test('the list of witnesses names requirements of the catalogue, and other implementations than ours', async (t) => {
  t.same(
    [...passed].filter((slug) => !isRequirementSlug(slug)),
    [],
  );
  t.ok(Object.keys(witnesses).length >= 2);
  t.same(
    Object.keys(witnesses).filter((target) => target.startsWith('reference')),
    [],
  );
});

t.test('unwitnessed is what has cases that no independent implementation passed', async (t) => {
  const problems = witnessProblems(cited, passed).map(({ requirement, problem }) => `${requirement.slug}: ${problem}`);
  t.same(problems, []);
});

t.test('a mark that says too much or too little is found', async (t) => {
  const slug = 'vu-header/other-version-refused';
  const withoutMark = [...passed].find((one) => cited.has(one)) ?? '';
  t.match(witnessProblems(cited, new Set([...passed, slug])), [{ requirement: { slug }, problem: 'passed' }]);
  t.match(witnessProblems(new Set([...cited].filter((one) => one !== slug)), passed), [
    { requirement: { slug }, problem: 'uncited' },
  ]);
  t.match(witnessProblems(cited, new Set([...passed].filter((one) => one !== withoutMark))), [
    { requirement: { slug: withoutMark }, problem: 'unmarked' },
  ]);
});
