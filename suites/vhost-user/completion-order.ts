import type { DeviceDriver } from '../../drivers/devices/device-driver.ts';
import type { Check } from '../check.ts';

/** A disk may complete in any order what it was given in the right one; a wire does not. */
export function usedInOrder(
  check: Check,
  { kind }: Pick<DeviceDriver, 'kind'>,
  used: readonly number[],
  expected: readonly number[],
  what: string,
): void {
  if (kind === 'net') check.sameSequence(used, expected, what);
  else check.sameMembers(used, expected, what);
}
