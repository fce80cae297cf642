import t from 'tap';
import type { CaseRecord, Finding } from '../../reports/record/record.ts';
import { accordanceOf, type Expectation } from '../runner/expectations.ts';
import { unreadReason, updatedExpectations } from '../runner/updated-expectations.ts';

const found: Finding = {
  requirement: 'r',
  level: 'MUST',
  basis: 'keyword',
  how: 'wrong',
  what: 'w',
  expected: '1',
  actual: '2',
};

function result(
  caseId: string,
  variant: CaseRecord['variant'],
  findings: readonly Finding[],
  more: Partial<CaseRecord> = {},
): CaseRecord {
  const named = Object.entries(variant).map(([name, value]) => `${name}=${value}`);
  return {
    event: 'case',
    key: named.length === 0 ? caseId : `${caseId}[${named.join(',')}]`,
    target: 'x',
    repetition: 0,
    caseId,
    title: caseId,
    variant,
    verdict: findings.length === 0 ? 'pass' : 'fail',
    outcomes: [{ requirement: 'r', outcome: findings.length === 0 ? 'pass' : 'fail', checks: 1 }],
    findings: [...findings],
    durationMs: 1,
    seed: 1,
    rerun: 'run',
    ...more,
  };
}

const rules = (expectations: readonly Expectation[]) => ({
  expectations,
  today: '2026-11-30',
  strictTargets: [],
  texts: [],
});
const entry = (id: string, more: Partial<Expectation> = {}): Expectation => ({
  target: 'x',
  case: id,
  requirement: 'r',
  verdict: 'fail',
  how: 'wrong',
  reason: 'why',
  expires: '2027-01-01',
  ...more,
});

/** Whether all results are as expected with the entries that were written. */
function isClean(results: readonly CaseRecord[], entries: readonly Expectation[]): boolean {
  return results.every((one) => {
    const same = results.filter(
      ({ caseId, variant }) => caseId === one.caseId && JSON.stringify(variant) === JSON.stringify(one.variant),
    );
    return accordanceOf(one, rules(entries), same).kind === 'as-expected';
  });
}

t.test('what fails is added, what passes is dropped, and the run is as expected then', (t) => {
  const results = [
    result('a', {}, [found]),
    result('a', {}, [], { key: 'a[negotiation=offered]', axes: { negotiation: 'offered' } }),
    result('b', { size: 1 }, [found]),
    result('b', { size: 2 }, []),
    result('c', { size: 1 }, [found]),
    result('c', { size: 2 }, [found]),
    result('d', {}, []),
    result('e', {}, [{ ...found, apart: 'newest-text-only' }]),
  ];
  const old = [entry('d'), entry('elsewhere'), entry('c', { expires: '2020-01-01', link: 'https://x.example' })];
  const { entries, added, dropped } = updatedExpectations(results, rules(old), '2027-02-28');
  t.strictSame(
    added.map((one) => one.case),
    ['a', 'b[size=1]', 'c'],
  );
  t.strictSame(
    dropped.map((one) => one.case),
    ['d', 'c'],
  );
  t.ok(entries.includes(old[1] as Expectation), 'what the run did not judge stays');
  t.strictSame(added[2], entry('c', { expires: '2027-02-28', link: 'https://x.example' }), 'what a person wrote stays');
  t.equal(added[0]?.reason, unreadReason);
  t.notOk(isClean(results, old));
  t.ok(isClean(results, entries));
  t.strictSame(updatedExpectations(results, rules(entries), '2027-02-28').added, []);
  t.strictSame(updatedExpectations(results, rules(entries), '2027-02-28').dropped, []);
  t.end();
});
