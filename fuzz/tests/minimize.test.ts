import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { anyProgram } from '../arbitraries/any-program.ts';
import { minimize } from '../minimise/minimize.ts';
import { parseProgram } from '../program/parse-program.ts';
import { printProgram } from '../program/print-program.ts';
import type { Program } from '../program/program.ts';

const messages = ({ calls }: Program) => calls.flatMap((call) => (call.kind === 'message' ? [call] : []));

t.test('calls go first, then arguments, then bytes', (t) => {
  const program = parseProgram(
    [
      'r1 = connect',
      'r2 = negotiate protocol=0xff',
      'r3 = kick',
      'r4 = message request=9 flags=13 fields=[{name=index value=0xff} {name=num value=0x1}] bytes=01020304050607 declared=7',
      'r5 = ring size=256',
      'r6 = message request=12 descriptors=[{kind=pipe} {}]',
      'r7 = wait',
      '',
    ].join('\n'),
  );
  const fails = (candidate: Program): boolean =>
    messages(candidate).some(
      ({ request, bytes, fields }) => request === 9 && bytes[2] === 3 && fields.some(({ name }) => name === 'num'),
    );
  const { program: least, isMinimal } = minimize(program, fails);
  t.equal(printProgram(least), 'r4 = message request=9 fields=[{name=num}] bytes=000003\n');
  t.ok(isMinimal);
  t.end();
});

t.test('a failure of two calls in their order keeps both', (t) => {
  const program = parseProgram('r1 = stop\nr2 = fence\nr3 = kick\nr4 = fence\nr5 = stop\nr6 = connect\n');
  const fails = ({ calls }: Program): boolean => {
    const first = calls.findIndex(({ kind }) => kind === 'kick');
    return first >= 0 && calls.slice(first).some(({ kind }) => kind === 'stop');
  };
  t.equal(printProgram(minimize(program, fails).program), 'r3 = kick\nr5 = stop\n');
  t.end();
});

t.test('what comes out fails, and is asked for no more often than allowed', (t) => {
  fc.assert(
    fc.property(anyProgram, fc.nat(60), (program, mostTries) => {
      const fails = (candidate: Program): boolean =>
        messages(candidate).length >= Math.min(2, messages(program).length);
      const { program: least, tries, isMinimal } = minimize(program, fails, mostTries);
      assert.ok(fails(least));
      assert.ok(tries <= mostTries);
      assert.ok(least.calls.length <= program.calls.length);
      if (!isMinimal) return;
      for (let at = 0; at < least.calls.length; at++) assert.ok(!fails({ calls: least.calls.toSpliced(at, 1) }));
    }),
    { numRuns: 60 },
  );
  t.end();
});
