import t from 'tap';
import { StallRetry } from '../stalls.ts';

type Result = readonly string[];

const retry = () =>
  new StallRetry<Result>({
    stallsOf: (result) => result.filter((one) => one.startsWith('stall')),
    hasOnlyStalls: (result) => result.every((one) => one.startsWith('stall')),
  });

/** Gives one result after the other; how many were asked for. */
function source(...results: Result[]) {
  const asked = { times: 0 };
  const run = (): Result => results[asked.times++] ?? [];
  return { asked, run };
}

t.test('a stall counts where it comes three times, and is not tried again for inputs of that name', async (t) => {
  const stalls = retry();
  const { asked, run } = source(['stall a'], ['stall a'], ['stall a'], ['stall a'], ['stall a']);
  t.same(stalls.decide('case', run), ['stall a']);
  t.equal(asked.times, 3);
  t.same(stalls.decide('case', run), ['stall a']);
  t.equal(asked.times, 4);
  t.same(stalls.decide('other', run), [], 'another name is tried');
});

t.test('the first run without it decides', async (t) => {
  const late = source(['stall a'], ['stall a'], ['wrong']);
  t.same(retry().decide('case', late.run), ['wrong']);
  const elsewhere = source(['stall a'], ['stall b'], ['stall a']);
  t.same(retry().decide('case', elsewhere.run), ['stall b']);
  t.equal(elsewhere.asked.times, 2);
});

t.test('what failed in another way too is not run again', async (t) => {
  const { asked, run } = source(['stall a', 'wrong']);
  t.same(retry().decide('case', run), ['stall a', 'wrong']);
  t.equal(asked.times, 1);
});
