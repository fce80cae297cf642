import type { ControlOutcome, DriverPort, OutgoingMessage, VhostUserSession } from '../../drivers/port/port.ts';
import { exitText } from '../../judging/failure.ts';
import type { Attempt, Refusal, RefusalTrial } from '../../judging/refusal.ts';
import type { Check } from '../check.ts';

const getFeatures = 1;

export interface RefusedMessage {
  /** Names the flawed message, in checks. */
  readonly what: string;
  /** Opens a session and sends all that comes before the message. */
  open(): VhostUserSession;
  readonly flawed: OutgoingMessage;
  /** The same message without the flaw. */
  readonly sound: OutgoingMessage;
  /** Names the sound message with what comes before it, where a sweep has several; its request unless told. */
  readonly controlName?: string;
}

interface Context {
  readonly port: DriverPort<VhostUserSession>;
  refusal(trial: RefusalTrial<VhostUserSession>): Refusal;
}

/**
 * The message is refused, by REPLY_ACK or by a close, the sound one is accepted, and the IUT serves on. Returns whether it
 * serves on.
 */
export function refusesMessage({ port, refusal }: Context, check: Check, message: RefusedMessage): boolean {
  let serves = false;
  const { what, open, flawed, sound, controlName = `${sound.request}` } = message;
  const tried = refusal({
    open,
    flawed: (session) => session.messages.acknowledged(flawed),
    behind: (session) => {
      serves = stillServes(port, session, check, `service after ${what}`);
    },
    control: (session) => session.messages.acknowledged(sound),
    controlName,
  });
  check.refused(tried, what);
  return serves;
}

/**
 * A message that has a reply of its own: whether that came before the reply to a GET_FEATURES behind it. What is unread
 * when the connection closes is read first.
 */
export function answerBeforeFence(session: VhostUserSession, message: OutgoingMessage): Attempt {
  session.messages.send(message);
  const first = session.messages.exchange({ request: 'VHOST_USER_GET_FEATURES' });
  if (first.kind !== 'reply') return first;
  const isAccepted = first.message.request !== getFeatures;
  return { kind: 'shown', isAccepted, how: isAccepted ? 'an answer' : 'no answer' };
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
  check.isBesideText = true;
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
    // It was waited for: the process has ended, or lives and takes no connection.
    const end = port.iut.exit();
    if (end === undefined) check.fail('hang', what, 'a new connection', opened.why);
    else check.fail('crash', what, 'the process lives on', `it ended by ${exitText(end)}`, end);
    return false;
  }
  const answer = opened.session.messages.fence();
  opened.session.close();
  if (answer.kind === 'reply') return check.holds(true, what, { expected: 'a reply', actual: 'a reply' });
  check.failsBy(answer, what, 'a reply to GET_FEATURES on a new connection');
  return false;
}

/** At a message that the text lets a back-end refuse or bear: a target that says that it refuses such ones must. */
export function keepsToRefusal(port: DriverPort, check: Check, outcome: ControlOutcome, what: string): void {
  if (!port.facts.capabilities.includes('refuses-flaws')) return;
  check.oneOf(outcome.kind, ['refused', 'closed'], `what a target that refuses flaws does at ${what}`);
}
