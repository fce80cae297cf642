import t from 'tap';
import type { IutExit } from '../../drivers/port/port.ts';
import { CrashAttribution } from '../attribution.ts';

interface Result {
  readonly exit?: IutExit;
}

const aborted: Result = { exit: { signal: 'SIGABRT' } };
const sound: Result = {};

/** An attribution over results that are given one after another, and what it restarted. */
function scripted(results: readonly Result[], canRestart = true) {
  const left = [...results];
  let restarts = 0;
  const attribution: CrashAttribution<Result> = new CrashAttribution<Result>({
    crashOf: ({ exit }) => exit,
    restart: canRestart
      ? () => {
          restarts++;
          attribution.processBegan();
        }
      : undefined,
  });
  return {
    attribution,
    run: (name: string) => attribution.attribute(name, () => left.shift() ?? sound),
    restarts: () => restarts,
  };
}

t.test('a crash on a fresh process is its own, without a second run', async (t) => {
  const { run, restarts } = scripted([aborted]);
  t.same(run('a'), { kind: 'own-crash', result: aborted, exit: aborted.exit });
  t.equal(restarts(), 0);
});

t.test('a crash behind other inputs is its own only when it repeats alone', async (t) => {
  const repeated = scripted([sound, aborted, aborted]);
  t.equal(repeated.run('a').kind, 'no-crash');
  t.equal(repeated.run('b').kind, 'own-crash');
  t.equal(repeated.restarts(), 1);
  const once = scripted([sound, aborted, sound, sound, sound, sound]);
  once.run('a');
  t.match(once.run('b'), { kind: 'not-repeated', before: ['a'], exit: aborted.exit });
  t.equal(once.restarts(), 4);
  const byChance = scripted([sound, aborted, sound, sound, aborted]);
  byChance.run('a');
  t.match(byChance.run('b'), { kind: 'own-crash', exit: aborted.exit, rate: { crashed: 2, of: 4 } });
});

t.test('what cannot be started afresh is not run again, and the crash is the last input’s', async (t) => {
  const { run } = scripted([sound, aborted], false);
  run('a');
  t.equal(run('b').kind, 'own-crash');
});

t.test('only the last five inputs are named', async (t) => {
  const { run } = scripted([sound, sound, sound, sound, sound, sound, aborted, sound, sound, sound, sound]);
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) run(name);
  t.match(run('g'), { before: ['b', 'c', 'd', 'e', 'f'] });
});

t.test('an input is given up after three crashes with one signature', async (t) => {
  const { attribution } = scripted([]);
  attribution.count('a', 'a1', { signal: 'SIGABRT' });
  attribution.count('a', 'a2', { signal: 'SIGSEGV' });
  attribution.count('a', 'a2', { signal: 'SIGABRT' });
  attribution.count('a', 'a2', { signal: 'SIGABRT' });
  t.equal(attribution.givenUp('a'), undefined, 'a repetition is not counted again');
  attribution.count('a', 'a3', { signal: 'SIGABRT' });
  t.same(attribution.givenUp('a'), { signature: 'signal SIGABRT', times: 3 });
  t.equal(attribution.givenUp('b'), undefined);
});
