import { type DriverPort, isOfIut, type RecoveryStep, type Rung } from '../drivers/port/port.ts';
import { control } from './control.ts';
import { firstContact } from './first-contact.ts';

/** Whether the target may be started afresh. */
export function canRestart(port: DriverPort): boolean {
  return port.ladder.some(({ step }) => step === 'restart');
}

/** Starts the target afresh and says whether that worked; false also where its ladder has no such step. */
export function startedAfresh(port: DriverPort): boolean {
  const rung = port.ladder.find(({ step }) => step === 'restart');
  return rung !== undefined && isTaken(rung);
}

/** What came of climbing: the step behind which the target serves again, or why it is lost. */
export type Recovery =
  | { readonly kind: 'serves'; readonly by: RecoveryStep }
  | { readonly kind: 'lost'; readonly why: string };

export interface RecoveryOptions {
  /** A new connection was tried already, and failed. */
  readonly isKnownNotToServe?: boolean;
  /** What an answer of the process that is there may take, where another can be started in its place. */
  readonly answersWithinMs?: number;
}

const attempts = 2;
/** How often a target that is not ours to start is waited for, a deadline each. */
const waitsForReturn = 5;

/**
 * Climbs the ladder of a target that may no longer serve, until it does. A new connection is enough where the process
 * lives and a whole transfer completes on it; above that the first contact decides.
 */
export function recovered(port: DriverPort, { isKnownNotToServe, answersWithinMs }: RecoveryOptions = {}): Recovery {
  for (const [at, rung] of port.ladder.entries()) {
    const isLast = at === port.ladder.length - 1;
    if (rung.step === 'reconnect') {
      if (isKnownNotToServe && !isLast) continue;
      if (servesOnNewConnection(port, rung, isLast, answersWithinMs)) return { kind: 'serves', by: rung.step };
      continue;
    }
    for (let attempt = 0; attempt < attempts; attempt++) {
      if (isTaken(rung) && firstContact(port).kind === 'served') return { kind: 'serves', by: rung.step };
    }
  }
  if (!canRestart(port) && isBack(port)) return { kind: 'serves', by: 'restart' };
  return { kind: 'lost', why: whyLost(port) };
}

/** Who serves a target that is not ours to start may start it again: a supervisor does so within seconds. */
function isBack(port: DriverPort): boolean {
  const reconnect = port.ladder.find(({ step }) => step === 'reconnect');
  for (let waits = 0; reconnect !== undefined && waits < waitsForReturn; waits++) {
    if (isTaken(reconnect) && firstContact(port).kind === 'served') return true;
  }
  return false;
}

/** Without a step above, what answers at all is judged on: a completed transfer is asked for only where there is one. */
function servesOnNewConnection(port: DriverPort, rung: Rung, isLast: boolean, answersWithinMs?: number): boolean {
  if (!port.iut.isAlive() || !isTaken(rung)) return false;
  if (firstContact(port, isLast ? undefined : answersWithinMs).kind !== 'served') return false;
  if (isLast) return true;
  const found = control(port);
  port.releaseAll();
  return found.kind === 'completed';
}

function isTaken(rung: Rung): boolean {
  try {
    rung.take();
    return true;
  } catch (error) {
    if (isOfIut(error)) return false;
    throw error;
  }
}

function whyLost({ ladder }: DriverPort): string {
  const last = ladder.at(-1)?.step;
  if (last === 'restart') return 'it does not answer on a fresh process';
  if (last === undefined || last === 'reconnect')
    return 'it no longer answers, and it is not ours to start again; it was waited for';
  return `it does not answer behind ${last}`;
}
