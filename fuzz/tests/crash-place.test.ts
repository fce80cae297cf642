import t from 'tap';
import { placesOfEnd } from '../executor/crash-place.ts';
import { placeOfHang } from '../executor/hang-place.ts';
import { type OutcomeClass, Outcomes } from '../executor/outcomes.ts';
import { parseProgram } from '../program/parse-program.ts';
import { resolved } from '../program/references.ts';

const attached = 'r1 = connect\nr2 = negotiate\nr3 = memory\nr4 = share\nr5 = ring\nr6 = attach\n';
const made: readonly OutcomeClass[] = ['made', 'made', 'made', 'acknowledged', 'made', 'fenced'];

/** Places behind the ring that is attached, counted from 0 there. */
function placesBehindAttach(calls: string, came: readonly OutcomeClass[]): number[] {
  const outcomes = new Outcomes();
  outcomes.restart();
  for (const outcome of [...made, ...came]) outcomes.add(outcome);
  return placesOfEnd(resolved(parseProgram(`${attached}${calls}`)).calls, outcomes).map((place) => place - made.length);
}

const calls = 'r7 = kick\nr8 = wait\nr9 = fence\nr10 = message request=1\n';

t.test('an end that is met by a wait has its place there', async (t) => {
  t.same(placesBehindAttach(calls, ['sent', 'died']), [1]);
});

t.test('an end that a busy process comes to later may have the same place', async (t) => {
  t.same(placesBehindAttach(calls, ['sent', 'silent', 'died']), [1, 2]);
  t.same(placesBehindAttach(calls, ['sent', 'silent', 'fenced', 'closed']), [1, 3], 'whatever was answered meanwhile');
  t.same(placesBehindAttach(calls, ['sent', 'silent', 'fenced', 'answered']), [1, 3], 'also behind the last call');
});

t.test('the last four waits are tried', async (t) => {
  const waits = [10, 11, 12, 13, 14, 15].map((id) => `r${id} = wait\n`).join('');
  t.same(
    placesBehindAttach(`r7 = kick\n${waits}r30 = fence\n`, ['sent', ...Array(6).fill('silent'), 'died']),
    [3, 4, 5, 6, 7],
  );
});

t.test('each session behind a loss has a place of its own', async (t) => {
  const text = 'r7 = fence\nr8 = reconnect\nr9 = fence\n';
  t.same(placesBehindAttach(text, ['closed', 'made', 'died']), [0, 2]);
});

/** The place behind the ring that is attached. */
function placeOfHangBehindAttach(calls: string, came: readonly OutcomeClass[]): number {
  const outcomes = new Outcomes();
  outcomes.restart();
  for (const outcome of [...made, ...came]) outcomes.add(outcome);
  return placeOfHang(resolved(parseProgram(`${attached}${calls}`)).calls, outcomes) - made.length;
}

t.test('a hang has its place at the call behind which no session is served', async (t) => {
  const text = 'r7 = message request=1\nr8 = reconnect\nr9 = negotiate\nr10 = reconnect\nr11 = message request=1\n';
  t.same(placeOfHangBehindAttach(text, ['closed', 'refused', 'skipped', 'refused', 'skipped']), 0);
  t.same(placeOfHangBehindAttach(text, ['closed', 'refused', 'skipped', 'made', 'silent']), 0);
  t.same(placeOfHangBehindAttach(text, ['closed', 'refused', 'skipped', 'made', 'answered']), 4, 'it was served again');
  t.same(placeOfHangBehindAttach(text, ['fenced', 'made', 'made', 'made', 'silent']), 4);
});
