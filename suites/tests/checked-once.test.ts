import t from 'tap';
import { openReference } from '../../drivers/reference/open-reference.ts';
import { firstContact } from '../../judging/first-contact.ts';
import { handling, vhostUserFault } from '../../reference-impl/faults/transport/vhost-user/vhost-user-fault.ts';
import { referenceRules } from '../../reference-impl/vhost-user/reference-rules.ts';
import { judge } from '../runner/judge.ts';
import { ownReplies } from '../vhost-user/acknowledgements.cases.ts';

/** Lawful: a front-end asks once about a transfer, and behind the answer there is none to ask about. */
const forgetsWhatWasChecked = vhostUserFault(
  'vu-device-state/check-reports-zero-only-after-success',
  'a transfer is forgotten once it was asked about',
  handling('VHOST_USER_CHECK_DEVICE_STATE', (right, session) => {
    const answer = right();
    session.stateTransfer?.release();
    session.stateTransfer = undefined;
    return answer;
  }),
).apply(referenceRules);

t.test('what a front-end sends once on a connection is not sent twice to compare replies', async (t) => {
  const port = openReference({ device: 'block', rules: forgetsWhatWasChecked });
  const contact = firstContact(port);
  if (contact.kind === 'not-served') throw new Error(contact.why);
  const options = { seed: 1, referenceMeetsDeadline: () => true };
  const whole = judge(port, ownReplies, {}, contact.offer, options);
  t.same(whole.findings, []);
  port.releaseAll();
  const one = judge(port, ownReplies, {}, contact.offer, { ...options, point: 'CHECK_DEVICE_STATE' });
  t.match(one, { verdict: 'pass', points: { count: 1 } });
  port.close();
});
