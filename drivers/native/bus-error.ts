import { addon, checked } from './addon.ts';

/**
 * From now on an access behind the end of a memory file that its owner made shorter reads zeros, and writes go nowhere,
 * where it would end the process. The page stays so until it is unmapped.
 */
export function surviveBusErrors(): void {
  checked(addon.surviveBusErrors(), 'sigaction');
}

/** How many pages such accesses met since the last call. */
export function takeBusErrors(): number {
  return checked(addon.takeBusErrors(), 'takeBusErrors');
}
