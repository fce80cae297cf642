import t from 'tap';
import { tooSlowToTell } from '../../judging/silence.ts';
import { presupposedWrongly } from '../check.ts';
import { DecisionRetry } from '../runner/decision-retry.ts';
import type { Judgement } from '../runner/judge.ts';

const passed: Judgement = { verdict: 'pass', outcomes: [], findings: [], durationMs: 1 };
const undecided = (why: string): Judgement => ({
  verdict: 'inconclusive',
  outcomes: [{ requirement: 'call-never', checks: 1, outcome: 'inconclusive', why }],
  findings: [],
  durationMs: 1,
});
const lost = undecided(`${presupposedWrongly}frame 7 is received`);

/** How often a result is run, of which each run comes to what is listed, and the last of it from then on. */
function runs(retry: DecisionRetry, place: string, ...come: readonly Judgement[]): number {
  let count = 0;
  retry.decide(place, () => come[Math.min(count++, come.length - 1)] ?? passed);
  return count;
}

t.test('what is undecided is tried three times', async (t) => {
  const retry = new DecisionRetry();
  t.equal(runs(retry, 'split', passed), 1);
  t.equal(runs(retry, 'split', lost, passed), 2);
  t.equal(runs(retry, 'split', lost), 3);
});

t.test('a premise that was never so in two results is tried once in the next', async (t) => {
  const retry = new DecisionRetry();
  t.equal(runs(retry, 'packed', lost), 3);
  t.equal(runs(retry, 'packed', undecided(`${presupposedWrongly}frame 8 is received`)), 3, 'whatever number it names');
  t.equal(runs(retry, 'packed', lost), 1);
  t.equal(runs(retry, 'split', lost), 3, 'in its place on the axes alone');
  t.equal(runs(retry, 'packed', undecided(`${presupposedWrongly}a command is acknowledged`)), 3, 'of another premise');
});

t.test('one that another try meets is chance', async (t) => {
  const retry = new DecisionRetry();
  for (const _ of [1, 2, 3]) {
    t.equal(runs(retry, 'split', lost), 3);
    t.equal(runs(retry, 'split', lost, lost, passed), 3);
  }
});

t.test('so is a machine that is too slow', async (t) => {
  const retry = new DecisionRetry();
  for (const _ of [1, 2, 3]) t.equal(runs(retry, 'split', undecided(`${tooSlowToTell} at all`)), 3);
});
