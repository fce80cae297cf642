import t from 'tap';
import type { CaseRecord, Outcome } from '../../reports/record/record.ts';
import { entrySightings } from '../runner/entry-sightings.ts';
import type { Expectation } from '../runner/expectations.ts';
import { findingOf, outcomeOf, resultOf, someTarget } from './sample-result.ts';

const wraps = 'split/used-idx-wraps';
const other = 'split/chain-used-once';

const known: Expectation = {
  target: someTarget,
  case: 'virtio/split-ring/wraps',
  requirement: wraps,
  verdict: 'fail',
  reason: 'bug 12',
  expires: '2026-12-31',
};

/** What the results showed of the entry, a word for each case and variant. */
function seenOf(results: readonly CaseRecord[], entry: Expectation, today = '2026-06-15'): string {
  const rules = { expectations: [entry], today, strictTargets: [], texts: [] };
  return entrySightings(results, rules)
    .map(({ kind }) => kind)
    .join();
}

/** A result about two requirements. */
const both = (first: Outcome, second: Outcome, parts: Partial<CaseRecord> = {}): CaseRecord =>
  resultOf([first, second].includes('fail') ? 'fail' : first, {
    outcomes: [outcomeOf(wraps, first), outcomeOf(other, second)],
    findings: [...(first === 'fail' ? [findingOf(wraps)] : []), ...(second === 'fail' ? [findingOf(other)] : [])],
    ...parts,
  });

const at = (negotiation: 'minimal' | 'offered', verdict: Outcome): CaseRecord =>
  both(verdict, 'pass', { key: `virtio/split-ring/wraps[${negotiation}]`, axes: { negotiation } });

t.test('an entry is seen by a finding of its own requirement and way of failing', async (t) => {
  t.equal(seenOf([both('fail', 'fail')], known), 'seen');
  t.equal(seenOf([both('fail', 'pass')], { ...known, how: 'wrong' }), 'seen');
  t.equal(seenOf([both('fail', 'pass')], { ...known, how: 'crash' }), 'stale');
  t.equal(seenOf([both('pass', 'fail')], known), 'stale', 'though another requirement fails');
  t.equal(seenOf([both('pass', 'pass')], known), 'stale');
});

t.test('what was not judged is no sign that a deviation has gone', async (t) => {
  for (const outcome of ['inconclusive', 'not-run', 'error'] as const)
    t.equal(seenOf([both(outcome, 'fail')], known), 'unjudged', `${outcome}, beside another failure`);
  t.equal(seenOf([both('inconclusive', 'pass')], known), 'unjudged');
});

t.test('what did not run or does not apply shows nothing', async (t) => {
  t.equal(seenOf([], known), '');
  t.equal(seenOf([both('not-applicable', 'not-applicable')], known), '');
  t.equal(seenOf([both('pass', 'pass', { target: 'another' })], known), '');
  t.equal(seenOf([both('pass', 'pass')], known, '2027-01-01'), '', 'the entry is over');
});

t.test('an entry without axes is seen at any place on them, and gone where each was judged', async (t) => {
  t.equal(seenOf([at('minimal', 'pass'), at('offered', 'fail')], known), 'seen');
  t.equal(seenOf([at('minimal', 'pass'), at('offered', 'pass')], known), 'stale');
  t.equal(seenOf([at('minimal', 'pass'), at('offered', 'not-applicable')], known), 'stale');
  t.equal(seenOf([at('minimal', 'pass'), at('offered', 'inconclusive')], known), 'unjudged');
  const offeredAlone = { ...known, case: 'virtio/split-ring/wraps[offered]' };
  t.equal(seenOf([at('minimal', 'fail'), at('offered', 'pass')], offeredAlone), 'stale');
});

t.test('an entry over several variants is looked for in each', async (t) => {
  const larger = both('pass', 'pass', { key: 'virtio/split-ring/wraps[size=256]', variant: { size: 256 } });
  t.equal(seenOf([both('fail', 'pass'), larger], known), 'seen,stale');
  const unrelated = resultOf('pass', { key: 'x', caseId: 'virtio/split-ring/x', outcomes: [outcomeOf(other, 'pass')] });
  t.equal(seenOf([both('fail', 'pass'), unrelated], { ...known, case: 'virtio/*/*' }), 'seen', 'that reports on it');
});

t.test('what ends the kernel is looked for in one result of a case', async (t) => {
  const ending: Expectation = { ...known, ends: 'kernel' };
  const leftOut = both('not-run', 'not-run', { key: 'virtio/split-ring/wraps[size=256]', variant: { size: 256 } });
  t.equal(seenOf([both('fail', 'not-run'), leftOut], ending), 'seen');
  t.equal(seenOf([both('fail', 'not-run'), leftOut], known), 'seen,unjudged', 'it ends nothing');
  t.equal(seenOf([both('pass', 'pass'), leftOut], ending), 'stale,unjudged', 'nothing ended the kernel');
  const another = { ...leftOut, caseId: 'virtio/split-ring/x', key: 'virtio/split-ring/x' };
  t.equal(
    seenOf([both('fail', 'not-run'), another], { ...ending, case: 'virtio/*/*' }),
    'seen,unjudged',
    'another case',
  );
});

t.test('a requirement that the oracle sees has no outcome where it is kept', async (t) => {
  const oracle = { ...known, requirement: 'split/used-len-bytes-written' };
  t.equal(seenOf([both('pass', 'pass')], oracle), 'stale');
  t.equal(seenOf([both('inconclusive', 'pass')], oracle), 'unjudged');
  const packed = both('pass', 'pass', { axes: { layout: 'packed' } });
  t.equal(seenOf([packed], oracle), '', 'it is none of packed rings');
  t.equal(seenOf([packed], { ...oracle, requirement: 'packed/used-len-bytes-written' }), 'stale');
});

t.test('another verdict is seen by an outcome of the requirement', async (t) => {
  const entry = { ...known, verdict: 'inconclusive' } as const;
  t.equal(seenOf([both('inconclusive', 'pass')], entry), 'seen');
  t.equal(seenOf([both('inconclusive', 'fail')], entry), 'seen', 'also beside a failure');
  t.equal(seenOf([both('pass', 'fail')], entry), 'stale');
  t.equal(seenOf([both('fail', 'pass')], entry), 'stale');
  t.equal(seenOf([both('not-run', 'pass')], entry), 'unjudged');
  const { requirement: _, ...any } = entry;
  t.equal(seenOf([both('inconclusive', 'pass')], any), 'seen');
  t.equal(seenOf([both('pass', 'pass')], { ...known, verdict: 'not-applicable' }), 'stale');
});

t.test('what came out in its place is told', async (t) => {
  const rules = { expectations: [known], today: '2026-06-15', strictTargets: [], texts: [] };
  const told = (result: CaseRecord): string | undefined => entrySightings([result], rules)[0]?.cameOut;
  t.equal(told(both('pass', 'pass')), 'pass');
  const late = [outcomeOf(wraps, 'inconclusive', 'too slow to tell'), outcomeOf(other, 'fail')];
  t.equal(told(both('inconclusive', 'fail', { outcomes: late })), 'inconclusive: too slow to tell');
  const crash = { ...rules, expectations: [{ ...known, how: 'crash' } as const] };
  t.equal(entrySightings([both('fail', 'pass')], crash)[0]?.cameOut, 'fails as wrong');
});
