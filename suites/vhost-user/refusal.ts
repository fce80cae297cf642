import type { DriverPort, OutgoingMessage, VhostUserSession } from '../../drivers/port/port.ts';
import { exitText } from '../../judging/failure.ts';
import type { Check, Refusal } from '../check.ts';

/**
 * Sends a message that must be refused, and says how it was: by REPLY_ACK where that is negotiated, by the connection
 * being closed, or by state that `changed` finds unchanged behind the fence. A crash or silence is recorded as
 * a failure of `check`, and answered with undefined.
 */
export function refusalOf(
  session: VhostUserSession,
  message: OutgoingMessage,
  check: Check,
  what: string,
  changed: () => boolean,
): Refusal | undefined {
  const answer = session.messages.acknowledged(message);
  switch (answer.kind) {
    case 'refused':
      return 'non-zero acknowledgement';
    case 'done':
      if (answer.by === 'fence') return changed() ? 'changed state' : 'unchanged state';
      return session.messages.fence().kind === 'closed'
        ? 'zero acknowledgement, then closed connection'
        : 'zero acknowledgement';
    case 'closed':
      return 'closed connection';
    case 'died':
    case 'silent':
      check.failsBy(answer, what, 'a refusal, or no effect');
      return undefined;
  }
}

/**
 * Whether the IUT still serves after a message that it may have refused by closing: a fence on this session when it is
 * open, else a whole new connection. What is wrong becomes a failure of `check`.
 */
export function stillServes(
  port: DriverPort<VhostUserSession>,
  session: VhostUserSession,
  check: Check,
  what: string,
): boolean {
  if (session.isOpen) {
    const fence = session.messages.fence();
    if (fence.kind === 'reply') return check.holds(true, what, { expected: 'a reply', actual: 'a reply' });
    if (fence.kind !== 'closed') {
      check.failsBy(fence, what, 'a reply to GET_FEATURES');
      return false;
    }
  }
  session.close();
  const exit = port.iut.exit();
  if (exit !== undefined) {
    check.fail('crash', what, 'the process lives on', `it ended by ${exitText(exit)}`, exit);
    return false;
  }
  const opened = port.connect();
  if (opened.kind === 'refused') {
    check.fail('hang', what, 'a new connection', opened.why);
    return false;
  }
  const answer = opened.session.messages.fence();
  opened.session.close();
  if (answer.kind === 'reply') return check.holds(true, what, { expected: 'a reply', actual: 'a reply' });
  check.failsBy(answer, what, 'a reply to GET_FEATURES on a new connection');
  return false;
}
