import { DeadlineError, type DriverPort, IutGoneError } from '../drivers/port/port.ts';

/** Starts the target afresh and says whether that worked; false also where it is not ours to start. */
export function startedAfresh(port: DriverPort): boolean {
  if (!port.facts.capabilities.includes('restart')) return false;
  try {
    port.iut.restart();
    return true;
  } catch (error) {
    if (error instanceof DeadlineError || error instanceof IutGoneError) return false;
    throw error;
  }
}
