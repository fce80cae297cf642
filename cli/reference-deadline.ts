import { DeadlineError, IutGoneError } from '../drivers/errors.ts';
import { openSocketTarget } from '../drivers/vhost-user/open-socket-target.ts';
import { reference } from '../fixtures/targets/reference.ts';
import { control } from '../judging/control.ts';

/** In which the reference has to start, which is no part of the deadline: emulated or beside others it takes long. */
const readyWithinMs = 60_000;
const { start } = reference;
const patient = start === undefined ? reference : { ...reference, start: { ...start, readyWithinMs } };

/** Whether the reference, started afresh, completes a transfer within the deadline on this machine and now. */
export function referenceMeetsDeadline(deadlineMs: number, runDirectory: string): boolean {
  const facts = { ...reference.facts, version: 'not asked' };
  try {
    const port = openSocketTarget(patient, { facts, runDirectory, deadlineMs });
    try {
      const found = control(port);
      return found.kind === 'completed' && found.elapsedMs <= deadlineMs;
    } finally {
      port.close();
    }
  } catch (error) {
    // A machine on which it does not even start tells nothing of others.
    if (error instanceof DeadlineError || error instanceof IutGoneError) return false;
    throw error;
  }
}
