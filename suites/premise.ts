import type { DeviceWrites } from '../drivers/devices/device-driver.ts';
import { DeadlineError, type DriverPort, PremiseError, presupposing, type Queue } from '../drivers/port/port.ts';
import type { Check } from './check.ts';

/** A frame may be lost on its way, and no text forbids it. */
const triesOfFrames = 3;

/** A transfer, or another where a frame may have been lost. @throws as `transfer` does the last time. */
export function transferred<Result>({ facts }: Pick<DriverPort, 'facts'>, transfer: () => Result): Result {
  for (let tries = facts.device === 'net' ? triesOfFrames : 1; ; tries--) {
    try {
      return transfer();
    } catch (error) {
      if (tries <= 1 || !(error instanceof DeadlineError)) throw error;
    }
  }
}

/**
 * Does what a case presupposes and is not about: a request before something is changed, a frame before a ring is
 * disabled. `attempt` answers what is wrong, or undefined. On a network device it is tried again; where it never works,
 * the requirement is inconclusive and the case ends. @throws CaseEnded; DeadlineError where nothing may be lost.
 */
export function presupposed(
  { facts }: Pick<DriverPort, 'facts'>,
  check: Check,
  what: string,
  attempt: () => string | undefined,
): void {
  const mayBeLost = facts.device === 'net';
  let problem: string | undefined;
  for (let tries = mayBeLost ? triesOfFrames : 1; tries > 0; tries--) {
    try {
      problem = presupposing(attempt);
      if (problem === undefined) return;
    } catch (error) {
      if (!mayBeLost || !(error instanceof DeadlineError)) throw error;
      problem = error.message;
    }
  }
  check.presumes(false, `${what}: ${problem}`);
}

/** The device writes where it may: without that, memory that it leaves alone says nothing. */
export function writtenBefore(port: Pick<DriverPort, 'facts'>, check: Check, writes: DeviceWrites): void {
  presupposed(port, check, 'a buffer in the memory is written', () => {
    writes.ask({ seed: 4 });
    writes.written.waitForUsed(1);
    return writes.problem;
  });
}

/** What a ring beside the one that a case is about must do. @throws PremiseError where it does not. */
export function servedBeside<Result>({ index }: Pick<Queue, 'index'>, request: () => Result): Result {
  return presupposing(() => decidedBy(request, () => false, `a request on ring ${index} is served`));
}

/**
 * What is owed, where a control decides why it does not come.
 * @param control does what the case presupposes; false, or what it throws, where that fails too
 * @throws PremiseError where it fails; DeadlineError where it is done
 */
export function decidedBy<Result>(owed: () => Result, control: () => boolean, what: string): Result {
  try {
    return owed();
  } catch (error) {
    if (!(error instanceof DeadlineError) || control()) throw error;
    throw new PremiseError(`${what}: ${error.message}`);
  }
}
