import t from 'tap';
import { EventLog } from '../../reference-impl/observations/event-log.ts';
import { Check } from '../check.ts';
import { Tally } from '../tally.ts';

const tallied = (rounds: number, seenIn: readonly number[]): { readonly check: Check; readonly tally: Tally } => {
  const check = new Check('vu-vring/get-vring-base-drains-ring', new EventLog(() => 0));
  const tally = new Tally(check, 'it');
  for (const round of seenIn) tally.see(round, 'this', 'that');
  tally.conclude(rounds);
  return { check, tally };
};

t.test('what comes often fails once, at the time from which another run sees it as well', async (t) => {
  const { check, tally } = tallied(200, [10, 20, 30, 40]);
  t.ok(tally.isCertain);
  t.match(check.failures, [{ how: 'wrong', what: 'it', expected: 'this', actual: 'that' }]);
  t.equal(check.failures.length, 1);
  t.equal(check.branches.size, 0);
});

t.test('what comes seldom is noted, and fails nothing', async (t) => {
  for (const seenIn of [[150], [150, 199], [200, 350, 500]]) {
    const { check, tally } = tallied(600, seenIn);
    t.notOk(tally.isCertain, `${seenIn}`);
    t.ok(tally.isOpen);
    t.same(check.failures, []);
    t.equal(check.evaluated, 1);
    t.same([...check.branches], [`that in place of this, in ${seenIn.length} of 600 rounds`]);
  }
});

t.test('what never comes is shown', async (t) => {
  const { check, tally } = tallied(200, []);
  t.notOk(tally.isOpen);
  t.equal(check.evaluated, 1);
  t.same(check.failures, []);
  t.equal(check.branches.size, 0);
});
