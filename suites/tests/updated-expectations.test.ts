import t from 'tap';
import type { CaseRecord, Finding } from '../../reports/record/record.ts';
import { entrySightings } from '../runner/entry-sightings.ts';
import { accordanceOf, type Expectation } from '../runner/expectations.ts';
import { unreadReason, updatedExpectations } from '../runner/updated-expectations.ts';
import { findingOf, outcomeOf, resultOf } from './sample-result.ts';

const found = findingOf('r');

function result(
  caseId: string,
  variant: CaseRecord['variant'],
  findings: readonly Finding[],
  more: Partial<CaseRecord> = {},
): CaseRecord {
  const named = Object.entries(variant).map(([name, value]) => `${name}=${value}`);
  return resultOf(findings.length === 0 ? 'pass' : 'fail', {
    key: named.length === 0 ? caseId : `${caseId}[${named.join(',')}]`,
    target: 'x',
    caseId,
    variant,
    outcomes: [outcomeOf('r', findings.length === 0 ? 'pass' : 'fail')],
    findings: [...findings],
    ...more,
  });
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

/** Whether all results are as expected with the entries that were written, and all of these were seen. */
function isClean(results: readonly CaseRecord[], entries: readonly Expectation[]): boolean {
  return (
    results.every((one) => accordanceOf(one, rules(entries)).kind === 'as-expected') &&
    entrySightings(results, rules(entries)).every(({ kind }) => kind === 'seen')
  );
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

t.test('an entry that is seen in a part of its variants is narrowed to them', (t) => {
  const results = [result('c', { size: 1 }, [found]), result('c', { size: 2 }, []), result('c', { size: 3 }, [found])];
  const { entries, added, dropped, partly } = updatedExpectations(results, rules([entry('c')]), '2027-02-28');
  t.strictSame(added, [entry('c[size=1]'), entry('c[size=3]')], 'with what a person wrote');
  t.strictSame(dropped, [entry('c')]);
  t.strictSame(partly, []);
  t.notOk(isClean(results, [entry('c')]));
  t.ok(isClean(results, entries));
  t.end();
});

t.test('an entry over several cases that is seen in a part of them stays, and is told', (t) => {
  const results = [result('area/c', {}, [found]), result('area/d', {}, [])];
  const whole = entry('area/*');
  const { entries, added, dropped, partly } = updatedExpectations(results, rules([whole]), '2027-02-28');
  t.strictSame([entries, added, dropped, partly], [[whole], [], [], [whole]]);
  t.end();
});

t.test('what could not be judged stays listed', (t) => {
  const late = outcomeOf('r', 'inconclusive', 'too slow to tell');
  const other = findingOf('s');
  const results = [result('c', {}, [other], { outcomes: [outcomeOf('s', 'fail'), late] })];
  const old = [entry('c'), entry('c', { requirement: 's' })];
  const { entries, added, dropped } = updatedExpectations(results, rules(old), '2027-02-28');
  t.strictSame([entries, added, dropped], [old, [], []]);
  t.end();
});
