import t from 'tap';
import { monotonicUs } from '../native/native.ts';
import { deadlineIn } from '../session/deadline.ts';
import { Waiting } from '../session/waiting.ts';

t.test('an IUT of this process that works is stepped behind the deadline, which it could not have met', async (t) => {
  let steps = 0;
  const waiting = new Waiting(() => ++steps <= 5);
  t.ok(waiting.until(() => steps >= 5, monotonicUs()));
  t.equal(steps, 5);
  waiting.close();
});

t.test('one that rests ends the wait, and so does one that works for ever', async (t) => {
  const resting = new Waiting(() => false);
  t.notOk(resting.until(() => false, monotonicUs()));
  resting.close();
  let steps = 0;
  const endless = new Waiting(() => ++steps > 0);
  const passed = monotonicUs();
  t.notOk(endless.until(() => false, passed));
  t.equal(steps, 1000);
  t.notOk(
    endless.until(() => false, passed),
    'the same deadline is not passed anew',
  );
  t.equal(steps, 1000);
  t.notOk(endless.until(() => false, deadlineIn(0)));
  t.equal(steps, 2000);
  endless.close();
});

t.test('an IUT that runs by itself has the deadline', async (t) => {
  const waiting = new Waiting();
  let looks = 0;
  t.notOk(waiting.until(() => ++looks > 1, monotonicUs() - 1));
  t.equal(looks, 1);
  waiting.close();
});

t.test('the limit counts what an IUT of this process worked, and the time of another', async (t) => {
  const limitMs = 20;
  const kept = new Waiting(() => false);
  kept.limit(limitMs);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2 * limitMs);
  t.ok(kept.left(monotonicUs()) > 0, 'it slept');
  const until = process.cpuUsage().user + 2000 * limitMs;
  while (process.cpuUsage().user < until);
  t.throws(() => kept.left(monotonicUs()), { message: /it took more than 0.02 s/ });
  kept.close();
  const other = new Waiting();
  other.limit(0);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
  t.throws(() => other.left(monotonicUs()), { message: /it took more than 0 s/ });
  other.close();
});
