import type { DriverPort } from '../drivers/port/port.ts';
import { CalmMachine } from './calm-machine.ts';

const slowestDeadlineMs = 10_000;
const fastestDeadlineMs = 1_000;
const latenciesInDeadline = 2_000;
/** A transfer of a device that serves takes at most this part of a deadline; else the device as a whole is slow. */
const transfersInDeadline = 20;

/** Milliseconds to wait for what is owed, scaled by the median latency that was measured. */
export function deadlineFor(latencyUs: number, scale: number): number {
  const scaled = Math.max(fastestDeadlineMs, (latencyUs / 1000) * latenciesInDeadline);
  return Math.min(slowestDeadlineMs, Math.round(scaled * scale));
}

/**
 * Milliseconds in which a device at work is seen at it: what is owed comes by then unless the whole device is slow, and so
 * does what is forbidden.
 */
export function seenWithinMs({ deadlineMs }: Pick<DriverPort, 'deadlineMs'>): number {
  return deadlineMs / transfersInDeadline;
}

const leastBudgetMs = 30_000;
const budgetDeadlines = 15;

/** Milliseconds that a case may take with such a deadline, beyond what each may. */
export function moreForSlow(deadlineMs: number): number {
  return Math.max(0, budgetDeadlines * deadlineMs - leastBudgetMs);
}

/** Milliseconds that a case may take: a target that is slow gets more. */
export function caseBudgetMs(deadlineMs: number): number {
  return leastBudgetMs + moreForSlow(deadlineMs);
}

/** On a busy machine a device at work may not be at it for a while. */
const mostLooks = 3;

/**
 * Whether something that is forbidden is seen of a device that serves: within `seenWithinMs`, and on a busy machine several
 * times as long.
 */
export function isSeen(
  port: Pick<DriverPort, 'deadlineMs' | 'until'>,
  seen: () => boolean,
  machine: Pick<CalmMachine, 'begin' | 'wasCalm'> = new CalmMachine(),
): boolean {
  for (let look = 0; look < mostLooks; look++) {
    machine.begin();
    if (port.until(seen, seenWithinMs(port)) !== 'deadline' || machine.wasCalm()) break;
  }
  return seen();
}

/**
 * What a process of its own gives within the time, undefined or false where it gives nothing. A busy machine may not have
 * let it run: it has as long once more there.
 */
export function givenWithin<Given>(
  milliseconds: number,
  given: (milliseconds: number) => Given,
  machine: Pick<CalmMachine, 'begin' | 'wasCalm'> = new CalmMachine(),
): Given {
  machine.begin();
  const first = given(milliseconds);
  return first || machine.wasCalm() ? first : given(milliseconds);
}
