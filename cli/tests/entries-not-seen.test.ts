import t from 'tap';
import type { CaseRecord } from '../../reports/record/record.ts';
import type { Expectation } from '../../suites/runner/expectations.ts';
import { findingOf, outcomeOf, resultOf, someTarget } from '../../suites/tests/sample-result.ts';
import { observedSummary } from '../observe/observed-summary.ts';
import { summaryOf } from '../run-summary.ts';

const entry = (requirement: string): Expectation => ({
  target: someTarget,
  case: 'virtio/split-ring/wraps',
  requirement,
  verdict: 'fail',
  reason: `why ${requirement}`,
  expires: '2026-12-31',
});

/** One requirement fails as expected; another comes out in this way. */
const resultWith = (outcome: 'fail' | 'pass' | 'inconclusive'): CaseRecord =>
  resultOf('fail', {
    outcomes: [outcomeOf('r/fails', 'fail'), outcomeOf('r/other', outcome, outcome === 'inconclusive' ? 'slow' : '')],
    findings: [findingOf('r/fails'), ...(outcome === 'fail' ? [findingOf('r/other')] : [])],
  });

const rules = {
  expectations: [entry('r/fails'), entry('r/other')],
  today: '2026-06-15',
  strictTargets: [],
  texts: [],
};
const remains = { problems: [], givenUp: [], missing: 0, paths: [], resume: '' };
const summaries = [
  (result: CaseRecord) => summaryOf([result], rules, remains),
  (result: CaseRecord) => observedSummary([result], rules, []),
];

t.test('what is expected and seen is as expected', async (t) => {
  for (const summary of summaries) {
    const { text, exitCode } = summary(resultWith('fail'));
    t.equal(exitCode, 0);
    t.notMatch(text, /Expected, and/);
  }
});

t.test('an entry that is no longer seen is told, and the run is not as expected', async (t) => {
  for (const summary of summaries) {
    const { text, exitCode } = summary(resultWith('pass'));
    t.equal(exitCode, 1);
    t.match(text, /Expected, and no longer seen \(1\):\n\n {2}some-target {2}virtio\/split-ring\/wraps\n/);
    t.match(text, /\n {4}r\/other: fail \(why r\/other\)\n/);
    t.notMatch(text, /why r\/fails|Not as expected|not judged in this run/);
  }
});

t.test('an entry that could not be judged is told apart, and the run is not as expected', async (t) => {
  for (const summary of summaries) {
    const { text, exitCode } = summary(resultWith('inconclusive'));
    t.equal(exitCode, 1);
    t.match(text, /Expected, and not judged in this run \(1\):/);
    t.match(text, /\n {4}virtio\/split-ring\/wraps\[size=16\]: inconclusive: slow\n/);
    t.notMatch(text, /no longer seen/);
  }
});
