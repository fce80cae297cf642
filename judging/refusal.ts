import {
  type ControlOutcome,
  DeadlineError,
  type NoAnswer,
  PeerProtocolError,
  type Session,
} from '../drivers/port/port.ts';
import { exitText, refusalText } from './failure.ts';
import { nothingWithin } from './thrown-failure.ts';

/** What the IUT did about a message, where the case itself looks for an answer or an effect. */
export interface Shown {
  readonly kind: 'shown';
  readonly isAccepted: boolean;
  /** What was seen, in words. */
  readonly how: string;
}

/** What came of one message. */
export type Attempt = ControlOutcome | Shown;

/** What a trial needs of a session. */
export type TriedSession = Pick<Session, 'fence' | 'close'>;

/** A session, or one with what a case has made of it. */
export type OpenedSession = TriedSession | { readonly session: TriedSession };

/**
 * A message that must be refused, and the same without the flaw. That the first was refused says nothing where the second
 * is refused as well: each is sent on a session of its own that got as far.
 */
export interface RefusalTrial<Opened extends OpenedSession = OpenedSession> {
  /** Opens a session and brings it to where the message is due: once for the flawed message, once for the control. */
  open(): Opened;
  flawed(opened: Opened): Attempt;
  /** Looks at the session behind the flawed message, whatever came of that, before it is closed. */
  behind?(opened: Opened): void;
  control(opened: Opened): Attempt;
  /** Names the control with all that comes before it: of one name, one control is sent in a run of a case. */
  readonly controlName: string;
}

export type RefusalOutcome =
  /** The flawed message was refused and the control accepted. `error` names the error number, where there was one. */
  | { readonly kind: 'refused'; readonly how: string; readonly error?: string }
  | { readonly kind: 'accepted'; readonly how: string }
  /** The control was refused too, or nothing shows what came of one of the two. */
  | { readonly kind: 'undecided'; readonly why: string }
  | { readonly kind: 'unanswered'; readonly end: Exclude<NoAnswer, { kind: 'closed' }>; readonly to: string };

type Tried =
  | { readonly kind: 'refused'; readonly how: string; readonly error?: string; readonly isShown?: true }
  | { readonly kind: 'accepted'; readonly how: string }
  /** It was handled, and nothing shows how. */
  | { readonly kind: 'handled' }
  | { readonly kind: 'unopened'; readonly why: string }
  | Exclude<NoAnswer, { kind: 'closed' }>;

/** Controls that were sent in a run of a case, by name. */
export type Controls = Map<string, Tried>;

/** The result of a trial: only a trial makes one, so a claim of a refusal always has its control. */
export class Refusal {
  readonly outcome: RefusalOutcome;

  private constructor(outcome: RefusalOutcome) {
    this.outcome = outcome;
  }

  /** Sends the flawed message, and the control where that was refused. The sessions are closed behind it. */
  static tried<Opened extends OpenedSession>(trial: RefusalTrial<Opened>, controls: Controls = new Map()): Refusal {
    const opened = trial.open();
    const session = sessionOf(opened);
    const flawed = tried(session, trial.flawed(opened));
    trial.behind?.(opened);
    session.close();
    switch (flawed.kind) {
      case 'accepted':
        return new Refusal({ kind: 'accepted', how: flawed.how });
      case 'handled':
        return new Refusal({ kind: 'undecided', why: 'nothing shows whether it was refused' });
      case 'unopened':
        return new Refusal({ kind: 'undecided', why: flawed.why });
      case 'died':
      case 'silent':
        return new Refusal({ kind: 'unanswered', end: flawed, to: 'a refusal' });
      case 'refused':
        return new Refusal(judged(flawed, controlOf(trial, controls)));
    }
  }
}

function judged(flawed: Extract<Tried, { kind: 'refused' }>, control: Tried): RefusalOutcome {
  const { how, error } = flawed;
  const refused = { kind: 'refused', how, ...(error === undefined ? {} : { error }) } as const;
  switch (control.kind) {
    case 'accepted':
      return refused;
    case 'handled':
      // It left the connection open, and the flawed one did not.
      if (flawed.isShown !== true) return refused;
      return {
        kind: 'undecided',
        why: 'nothing shows whether the control, the message without the flaw, was accepted',
      };
    case 'refused':
      return {
        kind: 'undecided',
        why: `the control, the message without the flaw, was refused too: ${control.how}`,
      };
    case 'unopened':
      return { kind: 'undecided', why: `no session for the control: ${control.why}` };
    case 'silent':
      return { kind: 'undecided', why: `the control was not answered: ${nothingWithin(control.waitedMs)}` };
    case 'died':
      return { kind: 'unanswered', end: control, to: `the control: the process ended by ${exitText(control.exit)}` };
  }
}

function controlOf<Opened extends OpenedSession>(trial: RefusalTrial<Opened>, controls: Controls): Tried {
  const known = controls.get(trial.controlName);
  if (known !== undefined) return known;
  const result = sentControl(trial);
  controls.set(trial.controlName, result);
  return result;
}

function sentControl<Opened extends OpenedSession>(trial: RefusalTrial<Opened>): Tried {
  try {
    const opened = trial.open();
    const session = sessionOf(opened);
    const result = tried(session, trial.control(opened));
    session.close();
    return result;
  } catch (error) {
    // The flawed message was sent on a session that opened in the same way.
    if (error instanceof PeerProtocolError || error instanceof DeadlineError) {
      return { kind: 'unopened', why: error.message };
    }
    throw error;
  }
}

/**
 * A close behind an answer counts as a close, whichever of them is seen first: what was answered can have no effect on a
 * connection that is gone.
 */
function tried(session: TriedSession, attempt: Attempt): Tried {
  switch (attempt.kind) {
    case 'refused': {
      const how = attempt.by === 'acknowledgement' ? 'non-zero acknowledgement' : refusalText(attempt);
      return { kind: 'refused', how, ...(attempt.by === 'errno' ? { error: refusalText(attempt) } : {}) };
    }
    case 'closed':
      return { kind: 'refused', how: 'closed connection' };
    case 'died':
    case 'silent':
      return attempt;
    case 'shown':
      return attempt.isAccepted
        ? unlessItEnds(session, attempt.how)
        : { kind: 'refused', how: attempt.how, isShown: true };
    case 'done':
      switch (attempt.by) {
        case 'fence':
          return { kind: 'handled' };
        case 'return':
          return { kind: 'accepted', how: 'no error' };
        case 'acknowledgement':
          return unlessItEnds(session, 'zero acknowledgement');
      }
  }
}

/** Accepted, unless the session ends behind it, or nothing is answered there any more. */
function unlessItEnds(session: TriedSession, how: string): Tried {
  const fence = session.fence();
  switch (fence.kind) {
    case 'passed':
      return { kind: 'accepted', how };
    case 'closed':
      return { kind: 'refused', how: `${how}, then closed connection` };
    case 'died':
    case 'silent':
      return fence;
  }
}

const sessionOf = (opened: OpenedSession): TriedSession => ('session' in opened ? opened.session : opened);
