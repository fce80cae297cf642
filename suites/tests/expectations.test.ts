import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { CaseRecord } from '../../reports/record/record.ts';
import {
  accordanceOf,
  type Expectation,
  type ExpectationRules,
  kernelEndOf,
  readExpectations,
} from '../runner/expectations.ts';
import { findingOf, outcomeOf, resultOf } from './sample-result.ts';

const today = '2026-06-15';

const finding = findingOf('split/used-idx-wraps');
const failure = resultOf('fail', { findings: [finding] });

const known: Expectation = {
  target: 'some-target',
  case: 'virtio/split-ring/*',
  verdict: 'fail',
  reason: 'bug 12',
  expires: '2026-12-31',
};

function rules(...expectations: readonly Expectation[]): ExpectationRules {
  return { expectations, today, strictTargets: ['reference'], texts: [] };
}

const kindOf = (result: CaseRecord, ...expectations: readonly Expectation[]): string => {
  const accordance = accordanceOf(result, rules(...expectations));
  return accordance.kind === 'as-expected' ? 'as-expected' : accordance.why;
};

t.test('without expectations a pass and what does not apply are as expected, nothing else', async (t) => {
  t.equal(kindOf(resultOf('pass')), 'as-expected');
  t.equal(kindOf(resultOf('not-applicable')), 'as-expected');
  t.match(kindOf(failure), /split\/used-idx-wraps: wrong: used idx/);
  t.match(kindOf(resultOf('inconclusive')), /^inconclusive/);
  t.match(kindOf(resultOf('not-run')), /^not-run/);
  t.match(kindOf(resultOf('error', { error: 'Error: x\n at y' })), 'error: Error: x');
});

t.test('a known failure is as expected', async (t) => {
  t.equal(kindOf(failure, known), 'as-expected');
  t.equal(kindOf(resultOf('pass'), known), 'as-expected', 'what a pass shows of the entry is told of the entry');
  t.match(kindOf(resultOf('inconclusive'), known), /^inconclusive/, 'another verdict is another thing');
  t.equal(kindOf(resultOf('pass', { target: 'other' }), known), 'as-expected', 'of another target');
  t.equal(kindOf(resultOf('pass', { caseId: 'virtio/net/x', key: 'virtio/net/x' }), known), 'as-expected');
  t.equal(kindOf(failure, { ...known, case: 'virtio/split-ring/wraps[size=16]' }), 'as-expected', 'by its key');
  t.match(kindOf(failure, { ...known, case: 'virtio/split-ring/wraps[size=256]' }), /wrong/);
});

t.test('what the chosen texts do not hold is no deviation', async (t) => {
  const apart = { ...finding, apart: 'newest-text-only' } as const;
  t.equal(kindOf(resultOf('fail', { findings: [apart] })), 'as-expected');
  t.match(kindOf(resultOf('fail', { findings: [apart, finding] })), /wrong/, 'beside a violation it hides nothing');
});

t.test('how and requirement narrow an expectation', async (t) => {
  t.equal(kindOf(failure, { ...known, how: 'wrong' }), 'as-expected');
  t.match(kindOf(failure, { ...known, how: 'crash' }), /wrong/);
  t.equal(kindOf(failure, { ...known, requirement: 'split/used-idx-wraps' }), 'as-expected');
  const second = { ...finding, requirement: 'split/other', what: 'another' };
  const both = resultOf('fail', {
    findings: [finding, second],
    outcomes: [
      { requirement: 'split/used-idx-wraps', outcome: 'fail', checks: 1 },
      { requirement: 'split/other', outcome: 'fail', checks: 1 },
    ],
  });
  const first = { ...known, requirement: 'split/used-idx-wraps' };
  t.match(kindOf(both, first), /split\/other: wrong: another/, 'every finding must be known');
  t.equal(kindOf(both, first, { ...known, requirement: 'split/other' }), 'as-expected');
});

t.test('an outcome is expected by an entry of its own requirement', async (t) => {
  const outcomes = [outcomeOf('split/used-idx-wraps', 'inconclusive', 'slow'), outcomeOf('split/other', 'pass')];
  const undecided = resultOf('inconclusive', { outcomes });
  const entry = { ...known, verdict: 'inconclusive' } as const;
  t.equal(kindOf(undecided, { ...entry, requirement: 'split/used-idx-wraps' }), 'as-expected');
  t.equal(kindOf(undecided, { ...entry, requirement: 'split/other' }), 'inconclusive: slow');
  t.equal(kindOf(undecided, entry), 'as-expected', 'without a requirement: any');
  t.equal(kindOf(undecided, { ...known, requirement: 'split/used-idx-wraps' }), 'inconclusive: slow');
});

t.test('an expectation holds to its last day', async (t) => {
  t.equal(kindOf(failure, { ...known, expires: today }), 'as-expected');
  t.match(kindOf(failure, { ...known, expires: '2026-06-14' }), /an expectation of it expired on 2026-06-14/);
  t.equal(kindOf(resultOf('pass'), { ...known, expires: '2026-06-14' }), 'as-expected');
});

t.test('on the reference what does not apply must be listed', async (t) => {
  const missing = resultOf('not-applicable', { target: 'reference' });
  const listed: Expectation = { target: 'reference', case: 'virtio', verdict: 'not-applicable', reason: 'net' };
  t.match(kindOf(missing), /^not-applicable/);
  t.equal(kindOf(missing, listed), 'as-expected');
});

t.test('which results are known to end the kernel', async (t) => {
  const entry: Expectation = { ...known, ends: 'kernel' };
  const names = { caseId: failure.caseId, variant: {}, key: failure.key };
  t.equal(kernelEndOf(rules(entry), failure.target, names), entry);
  t.equal(kernelEndOf(rules(known), failure.target, names), undefined, 'it only fails');
  t.equal(kernelEndOf(rules(entry), 'another', names), undefined);
  t.equal(kernelEndOf(rules({ ...entry, expires: '2026-06-14' }), failure.target, names), undefined, 'no longer');
  const leftOut = resultOf('not-run', { outcomes: [outcomeOf('split/used-idx-wraps', 'not-run')] });
  t.equal(kindOf(leftOut, entry), 'as-expected', 'another result of the entry was tried');
  t.not(kindOf(leftOut, known), 'as-expected');
});

t.test('a file of expectations is checked, in one line', async (t) => {
  const directory = t.testdir();
  const read = (text: string): Expectation[] => {
    const path = join(directory, 'expected.json');
    writeFileSync(path, text);
    return readExpectations(path);
  };
  t.same(read(JSON.stringify([known])), [known]);
  for (const [value, message] of [
    ['{', /cannot be read as expectations/],
    ['{}', /is not a list of expectations/],
    [JSON.stringify([{ ...known, expires: undefined }]), /entry 1, expires: is missing/],
    [JSON.stringify([{ ...known, expires: 'soon' }]), /entry 1, expires: is not a day/],
    [JSON.stringify([{ ...known, verdict: 'pass' }]), /entry 1, verdict: /],
    [JSON.stringify([known, { ...known, how: 'badly' }]), /entry 2, how: /],
    [JSON.stringify([{ ...known, colour: 'red' }]), /colour/],
  ] as const) {
    t.throws(() => read(value), { message });
  }
  t.throws(() => readExpectations(join(directory, 'none')), { message: /ENOENT/ });
});

t.test('an expectation without axes covers a case at each place on them', async (t) => {
  const key = 'virtio/split-ring/wraps[negotiation=offered,size=16]';
  const offered = resultOf('fail', { axes: { negotiation: 'offered' }, key, findings: [finding] });
  t.equal(kindOf(offered, { ...known, case: 'virtio/split-ring/wraps[size=16]' }), 'as-expected');
  t.equal(kindOf(offered, { ...known, case: key }), 'as-expected');
  t.match(kindOf(failure, { ...known, case: key }), /wrong/, 'one that names an axis is about that place alone');
});

t.test('on a strict target an axis that it does not have needs no entry', async (t) => {
  const outcomes = [
    { requirement: 'split/used-idx-wraps', outcome: 'not-applicable', checks: 0, absentAxis: 'layout' },
  ] as const;
  t.equal(kindOf(resultOf('not-applicable', { target: 'reference', outcomes: [...outcomes] })), 'as-expected');
});

t.test('on a strict target what is about another transport or device needs no entry', async (t) => {
  const about = { requirement: 'split/used-idx-wraps', outcome: 'not-applicable', checks: 0 } as const;
  const elsewhere = { ...about, elsewhere: 'device' } as const;
  const kindOn = (...outcomes: CaseRecord['outcomes']): string =>
    kindOf(resultOf('not-applicable', { target: 'reference', outcomes }));
  t.equal(kindOn(elsewhere), 'as-expected');
  t.match(kindOn(about), /^not-applicable/);
  t.match(kindOn(elsewhere, about), /^not-applicable/);
});
