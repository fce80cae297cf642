import t from 'tap';
import type { Fence } from '../../drivers/port/port.ts';
import { type Attempt, type Controls, Refusal, type TriedSession } from '../refusal.ts';

const accepted: Attempt = { kind: 'done', by: 'acknowledgement' };
const handled: Attempt = { kind: 'done', by: 'fence' };
const refused: Attempt = { kind: 'refused', by: 'acknowledgement', value: 1n };
const closed: Attempt = { kind: 'closed' };
const noEffect: Attempt = { kind: 'shown', isAccepted: false, how: 'unchanged state' };
const answer: Attempt = { kind: 'shown', isAccepted: true, how: 'an answer' };

/** Sessions on which fences pass, or come upon a close. */
function outcomeOf(flawed: Attempt, control: Attempt, fence: Fence = { kind: 'passed' }, controls?: Controls) {
  let sent = 0;
  const session: TriedSession = { fence: () => (sent === 1 ? fence : { kind: 'passed' }), close: () => {} };
  const attempt = (what: Attempt): Attempt => {
    sent++;
    return what;
  };
  const { outcome } = Refusal.tried(
    { open: () => session, flawed: () => attempt(flawed), control: () => attempt(control), controlName: 'it' },
    controls,
  );
  return { ...outcome, sent };
}

t.test('a refusal counts where the control is accepted', async (t) => {
  t.match(outcomeOf(refused, accepted), { kind: 'refused', how: 'non-zero acknowledgement' });
  t.match(outcomeOf(closed, accepted), { kind: 'refused', how: 'closed connection' });
  t.match(outcomeOf({ kind: 'refused', by: 'errno', value: 22 }, accepted), { kind: 'refused', error: 'EINVAL' });
  t.match(outcomeOf(noEffect, answer), { kind: 'refused', how: 'unchanged state' });
  t.match(outcomeOf(closed, handled), { kind: 'refused' }, 'the control leaves the connection open');
});

t.test('it does not where the control is refused too, or nothing tells', async (t) => {
  const why = /the control, the message without the flaw, was refused too: closed connection/;
  t.match(outcomeOf(refused, closed), { kind: 'undecided', why });
  t.match(outcomeOf(closed, closed), { kind: 'undecided', why });
  t.match(outcomeOf(handled, accepted), { kind: 'undecided', why: /nothing shows/ });
  t.match(outcomeOf(noEffect, handled), { kind: 'undecided', why: /nothing shows whether the control/ });
  t.match(outcomeOf(refused, { kind: 'silent', waitedMs: 7 }), { kind: 'undecided', why: /nothing within 7 ms/ });
});

t.test('what was accepted needs no control', async (t) => {
  t.match(outcomeOf(accepted, accepted), { kind: 'accepted', how: 'zero acknowledgement', sent: 1 });
  t.match(outcomeOf(answer, answer), { kind: 'accepted', how: 'an answer', sent: 1 });
});

t.test('an answer and then a close is a close, whichever is seen first', async (t) => {
  t.match(outcomeOf(answer, answer, { kind: 'closed' }), { kind: 'refused', how: 'an answer, then closed connection' });
  t.match(outcomeOf(accepted, accepted, { kind: 'closed' }), { kind: 'refused' });
});

t.test('an answer behind which nothing comes any more is no acceptance', async (t) => {
  const silent: Fence = { kind: 'silent', waitedMs: 7 };
  for (const flawed of [accepted, answer]) {
    t.match(outcomeOf(flawed, accepted, silent), { kind: 'unanswered', end: silent });
    t.match(outcomeOf(flawed, accepted, { kind: 'died', exit: { code: 1 } }), { kind: 'unanswered' });
  }
});

t.test('a control is sent once for its name', async (t) => {
  const controls: Controls = new Map();
  t.equal(outcomeOf(refused, accepted, { kind: 'passed' }, controls).sent, 2);
  t.equal(outcomeOf(refused, closed, { kind: 'passed' }, controls).sent, 1);
});

t.test('a death is one, of the control too', async (t) => {
  const died: Attempt = { kind: 'died', exit: { signal: 'SIGSEGV' } };
  t.match(outcomeOf(died, accepted), { kind: 'unanswered', to: 'a refusal', sent: 1 });
  t.match(outcomeOf(refused, died), { kind: 'unanswered', to: /SIGSEGV/ });
});
