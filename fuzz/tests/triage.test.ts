import t from 'tap';
import { cover } from '../campaign/distill.ts';
import { fewest } from '../campaign/history.ts';
import { type Examines, Triage } from '../campaign/triage.ts';
import type { Finding } from '../executor/finding.ts';
import { parseProgram } from '../program/parse-program.ts';
import type { Program } from '../program/program.ts';

/** A process that ends, by what it ran so far and by how many processes there were. */
function mortal(dies: (ran: readonly Program[], processes: number) => boolean): Examines & { examined: number } {
  let ran: Program[] = [];
  let processes = 0;
  return {
    examined: 0,
    examine(program): Finding | undefined {
      this.examined++;
      ran.push(program);
      const place = program.calls.length - 1;
      return dies(ran, processes) ? { kind: 'crash', place, exit: { signal: 'SIGSEGV' } } : undefined;
    },
    leakOf: () => undefined,
    setPatience: () => undefined,
    restart() {
      ran = [];
      processes++;
      return true;
    },
  };
}

const has = ({ calls }: Program, kind: string): boolean => calls.some((call) => call.kind === kind);
const program = (text: string): Program => parseProgram(text);
const options = { afterRuns: 7, untilMs: 1000, nowMs: () => 0, step: () => undefined };
const innocent = Array.from({ length: 40 }, () => program('r1 = connect\nr2 = fence\n'));

t.test('the fewest items that are enough are found, in their order', (t) => {
  const items = Array.from({ length: 100 }, (_, n) => n);
  t.strictSame(
    fewest(items, (some) => [3, 40, 41].every((n) => some.includes(n))),
    [3, 40, 41],
  );
  t.strictSame(
    fewest(items, () => true),
    [],
  );
  t.end();
});

t.test('what a busy process shows only where it has time is one of its program alone', (t) => {
  let patience: number | undefined;
  const examiner = {
    ...mortal((ran) => patience === 20 && has(ran.at(-1) as Program, 'wait')),
    setPatience: (times: number | undefined) => {
      patience = times;
    },
  };
  const bucket = new Triage(examiner, { ...options, before: innocent }).bucketOf(
    program('r1 = connect\nr2 = fence\nr3 = wait\n'),
    false,
  );
  t.match(bucket, { name: 'crash-SIGSEGV-wait', before: [], shown: 3, runs: 3, isMinimal: true });
  t.equal(bucket?.program.calls.length, 1);
  t.equal(patience, undefined, 'others have as much time as before');
  t.end();
});

t.test('a crash that does not repeat alone is led back to the programs since the process began', (t) => {
  const examiner = mortal(
    (ran) =>
      ran.some((one) => has(one, 'reset')) && ran.some((one) => has(one, 'kick')) && has(ran.at(-1) as Program, 'stop'),
  );
  const before = [program('r1 = reset\n'), ...innocent, program('r1 = connect\nr2 = kick\n'), ...innocent];
  const bucket = new Triage(examiner, { ...options, before }).bucketOf(program('r1 = fence\nr2 = stop\n'), false);
  t.match(bucket, { name: 'crash-SIGSEGV-stop', shown: 3, runs: 3, isMinimal: true, afterRuns: 7 });
  t.strictSame(
    bucket?.program.calls.map(({ kind }) => kind),
    ['reset', 'kick', 'stop'],
    'one program does what was needed',
  );
  t.strictSame(bucket?.before, []);
  t.end();
});

t.test('what one program cannot show keeps the programs that run before it', (t) => {
  const examiner = mortal(
    (ran) => ran.length > 1 && has(ran[0] as Program, 'kick') && has(ran.at(-1) as Program, 'stop'),
  );
  const before = [program('r1 = kick\n'), ...innocent];
  const bucket = new Triage(examiner, { ...options, before }).bucketOf(program('r1 = stop\n'), false);
  t.match(bucket, { shown: 3, runs: 3, isMinimal: false });
  t.strictSame(
    bucket?.before.map(({ calls }) => calls[0]?.kind),
    ['kick'],
  );
  t.end();
});

t.test('what shows now and then is kept with its rate of 20 runs', (t) => {
  const rare = mortal((_, processes) => processes % 7 === 0);
  const bucket = new Triage(rare, { ...options, before: [] }).bucketOf(program('r1 = stop\n'), false);
  t.equal(bucket?.runs, 20);
  t.ok((bucket?.shown ?? 0) >= 2 && (bucket?.shown ?? 0) <= 3, `${bucket?.shown} of 20`);
  const never = mortal(() => false);
  t.equal(new Triage(never, { ...options, before: innocent }).bucketOf(program('r1 = stop\n'), false), undefined);
  t.end();
});

t.test('triage ends at its time with what it knows', (t) => {
  let now = 0;
  const examiner = mortal(() => true);
  const nowMs = (): number => now++;
  const long = { calls: Array.from({ length: 60 }, () => program('r1 = fence\n').calls).flat() };
  const triage = new Triage(examiner, { ...options, before: [], untilMs: 12, nowMs });
  const bucket = triage.bucketOf(long, false);
  t.match(bucket, { isMinimal: false });
  t.ok(examiner.examined < 15, `${examiner.examined} runs`);
  t.ok(triage.isCut);
  t.end();
});

t.test('few items reach what all reach', (t) => {
  const item = (cost: number, ...signals: number[]) => ({ cost, signals: new Set(signals) });
  const items = [item(9, 1, 2, 3, 4), item(2, 1, 2, 5), item(2, 3, 4, 6), item(1, 1), item(5, 5)];
  t.strictSame(
    cover(items).map(({ cost }) => cost),
    [2, 2],
  );
  t.strictSame(cover([]), []);
  t.end();
});
