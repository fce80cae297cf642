import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { observedFrontEnds } from '../../fixtures/front-ends/index.ts';
import { isRequirementSlug, requirementOf } from '../../reference-impl/catalogue/catalogue.ts';
import { observedRequirements } from '../../reference-impl/oracle/observed/observed-requirements.ts';
import type { CaseRecord } from '../../reports/record/record.ts';
import { differencesFromKept, verdictLines } from '../front-ends/kept-verdicts.ts';

const folder = new URL('../../../fixtures/front-ends/verdicts/', import.meta.url);
const document = readFileSync(new URL('../../../docs/OBSERVE.md', import.meta.url), 'utf8');

t.test('what is kept of a front-end is about requirements that are observed, and each finding is told', async (t) => {
  t.same(readdirSync(folder).sort(), observedFrontEnds.map(({ name }) => `${name}.txt`).sort());
  for (const { name, device, sockets } of observedFrontEnds) {
    const observed = new Set<string>([...observedRequirements(device), 'reference-serves-what-is-lawful']);
    for (const line of readFileSync(new URL(`${name}.txt`, folder), 'utf8')
      .trim()
      .split('\n')) {
      const [target = '', verdict = '', requirement = ''] = line.split(' ');
      t.ok(sockets.includes(target) && observed.has(requirement), `${name}: ${line}`);
      if (verdict === 'pass') continue;
      t.equal(verdict, 'fail', `${name}: ${line}`);
      t.match(document, `\`${requirement}\``, `${requirement} is in the table of findings`);
      t.ok(isRequirementSlug(requirement) && requirementOf(requirement).level !== null);
    }
  }
});

t.test('the comparison prints each difference from what is kept, better or worse', async (t) => {
  const record = (target: string, verdict: CaseRecord['verdict'], slug: string): CaseRecord =>
    ({ target, verdict, caseId: `observe/${slug}` }) as CaseRecord;
  const [{ name } = { name: '' }] = observedFrontEnds;
  const kept = readFileSync(new URL(`${name}.txt`, folder), 'utf8')
    .trim()
    .split('\n');
  const records = kept.map((line) => {
    const [target = '', verdict = '', slug = ''] = line.split(' ');
    return record(target, verdict as CaseRecord['verdict'], slug);
  });
  t.same(differencesFromKept(name, verdictLines(records)), []);
  const [first, ...others] = records;
  t.same(differencesFromKept(name, verdictLines(others)), [`- ${kept[0]}`]);
  const changed = { ...(first as CaseRecord), verdict: 'error' as const };
  t.equal(differencesFromKept(name, verdictLines([changed, ...others])).length, 2);
  const notSeen = record('split', 'not-applicable', 'vu-front-end/rarp-needs-rarp');
  t.same(differencesFromKept(name, verdictLines([...records, notSeen])), [], 'what was not seen is not kept');
  t.equal(differencesFromKept('nobody', []).length, 1);
});
