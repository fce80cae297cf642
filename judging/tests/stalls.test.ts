import t from 'tap';
import { CalmMachine } from '../calm-machine.ts';
import { type BroughtBack, StallRetry } from '../stalls.ts';

type Result = readonly string[];

/** A machine that is calm in the runs told, from the first on, and busy behind them. */
const machine = (calm: number) => {
  let asked = 0;
  return { begin: () => undefined, wasCalm: () => asked++ < calm };
};

const retry = (calmRuns = 0, bringBack: (isCalm: boolean) => BroughtBack = () => 'as-it-was') =>
  new StallRetry<Result>({
    stallsOf: (result) => result.filter((one) => one.startsWith('stall')),
    othersOf: (result) => result.filter((one) => !one.startsWith('stall') && one !== 'hang'),
    endedProcess: (result) => result.includes('crash'),
    hangs: (result) => result.includes('hang'),
    bringBack,
    notRepeated: (again) => [...again, 'not repeated'],
    machine: machine(calmRuns),
  });

/** Gives one result after the other; the parts of the deadline that were asked for. */
function source(...results: Result[]) {
  const parts: number[] = [];
  const run = (part: number): Result => results[parts.push(part) - 1] ?? [];
  return { parts, run };
}

t.test('on a busy machine a stall counts where it comes within three whole deadlines', async (t) => {
  const stalls = retry();
  const { parts, run } = source(['stall a'], ['stall a'], ['stall a']);
  t.same(stalls.decide('case', run), ['stall a']);
  t.same(parts, [1, 1, 1]);
});

t.test('on a calm one it counts where it comes twice', async (t) => {
  const { parts, run } = source(['stall a'], ['stall a'], ['stall a']);
  t.same(retry(2).decide('case', run), ['stall a']);
  t.same(parts, [1, 0.6]);
  const disturbed = source(['stall a'], ['stall a'], []);
  t.same(retry(1).decide('case', disturbed.run), [], 'a second run beside a load decides nothing');
  t.same(disturbed.parts, [1, 0.6, 1]);
});

t.test('further inputs of the name that stall at the same place wait for a part of the deadline', async (t) => {
  const stalls = retry(2);
  stalls.decide('case', source(['stall a'], ['stall a']).run);
  const same = source(['stall a']);
  t.same(stalls.decide('case', same.run), ['stall a']);
  t.same(same.parts, [0.6]);
  const passing = source([], []);
  t.same(stalls.decide('case', passing.run), []);
  t.same(passing.parts, [0.6, 1], 'what passes is judged with the whole deadline');
  const elsewhere = source(['stall b'], ['stall b'], [], []);
  t.same(stalls.decide('case', elsewhere.run), [], 'another place is decided anew');
  t.same(elsewhere.parts, [0.6, 1, 1]);
  const beside = source(['stall a', 'wrong'], ['stall a', 'wrong']);
  t.same(stalls.decide('case', beside.run), ['stall a', 'wrong']);
  t.same(beside.parts, [0.6, 1]);
  const crash = source(['crash'], []);
  t.same(stalls.decide('case', crash.run), ['crash'], 'what ended the process is not run again on it');
  const other = source(['stall a'], []);
  t.same(stalls.decide('other', other.run), [], 'another name is tried');
  t.same(other.parts, [1, 1]);
});

t.test('the first run without it decides', async (t) => {
  const late = source(['stall a'], ['stall a'], ['wrong']);
  t.same(retry().decide('case', late.run), ['wrong']);
  const elsewhere = source(['stall a'], ['stall b'], []);
  t.same(retry().decide('case', elsewhere.run), [], 'a stall at another place is no confirmation');
  t.equal(elsewhere.parts.length, 3);
  const everywhere = source(['stall a'], ['stall b'], ['stall c'], ['stall d'], ['stall e']);
  t.same(retry().decide('case', everywhere.run), ['stall e'], 'of five that differ, the last one speaks');
  t.equal(everywhere.parts.length, 5);
});

t.test('a hang is decided as a stall is, each time on what was brought back', async (t) => {
  let brought = 0;
  const bringBack = (): BroughtBack => {
    brought++;
    return 'afresh';
  };
  const hang = ['stall a', 'hang'];
  const stalls = retry(2, bringBack);
  t.same(stalls.decide('case', source(hang, hang).run), hang);
  t.equal(brought, 1);
  t.same(stalls.decide('case', source(hang).run), hang, 'one that is known is not tried again');
  t.equal(brought, 1);
  t.same(retry(0, bringBack).decide('case', source(hang, []).run), ['not repeated'], 'on a fresh process it is gone');
  t.same(retry(0).decide('case', source(hang, []).run), [], 'on the same it was late once');
  t.same(retry(0, () => 'lost').decide('case', source(hang, []).run), hang, 'what cannot be brought back hangs');
});

t.test('what is brought back is waited for as calm as the machine was', async (t) => {
  const told: boolean[] = [];
  const bringBack = (isCalm: boolean): BroughtBack => {
    told.push(isCalm);
    return 'as-it-was';
  };
  const hang = ['stall a', 'hang'];
  retry(2, bringBack).decide('case', source(hang, hang).run);
  t.same(told, [true]);
  retry(1, bringBack).decide('case', source(hang, hang, hang).run);
  t.same(told, [true, true, false]);
});

t.test('a control that completed behind one run says that it stalls', async (t) => {
  const hang = ['stall a', 'hang'];
  const stalls = retry(2);
  t.same(stalls.decide('case', source(['stall a'], hang).run), ['stall a']);
  const known = source(hang, ['stall a']);
  t.same(stalls.decide('case', known.run), ['stall a'], 'a hang where a stall is known is decided anew');
  t.same(known.parts, [0.6, 1]);
});

t.test('what failed in another way too is run again for its stalls, and keeps the other failure', async (t) => {
  const once = source(['stall a', 'wrong'], ['wrong']);
  t.same(retry().decide('case', once.run), ['wrong'], 'a stall beside it that came once was chance');
  const eachTime = source(['stall a', 'wrong'], ['stall a', 'wrong'], ['stall a', 'wrong']);
  t.same(retry().decide('case', eachTime.run), ['stall a', 'wrong']);
  t.same(eachTime.parts, [1, 1, 1]);
  for (const further of [[], ['stall a'], ['other'], ['wrong', 'crash']]) {
    const other = source(['stall a', 'wrong'], further);
    t.same(retry().decide('case', other.run), ['stall a', 'wrong'], `${further} does not replace it`);
    t.equal(other.parts.length, 2);
  }
  const ended = source(['stall a', 'crash'], []);
  t.same(retry().decide('case', ended.run), ['stall a', 'crash'], 'what ended the process is not run again on it');
});

t.test('a machine is calm where nothing waited for a processor for more than a tenth of the time', async (t) => {
  const calm = (waitedUs: number | undefined, passedUs: number): boolean => {
    let asked = 0;
    const one = new CalmMachine(
      () => (waitedUs === undefined ? undefined : 500 + waitedUs * asked),
      () => 7 + passedUs * asked++,
    );
    one.begin();
    return one.wasCalm();
  };
  t.ok(calm(100, 1000));
  t.notOk(calm(101, 1000));
  t.notOk(calm(undefined, 1000), 'one that does not tell is taken for a busy one');
});
