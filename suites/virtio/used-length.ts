import type { Request } from '../../drivers/devices/request.ts';
import type { Queue } from '../../drivers/port/port.ts';
import type { Check } from '../check.ts';

/**
 * The `len` of the used element that was taken last is what the device writes of its request. Without the WRITE flag a
 * used descriptor has none: whether the flag is there is another requirement.
 * @throws CaseEnded where bytes are written and the used element tells no length
 */
export function isLengthOf(
  { writes }: Request,
  check: Check,
  { driver }: Pick<Queue, 'driver'>,
  len: number | undefined,
  what: string,
): boolean {
  const { least, most } = writes;
  check.presumes(least === 0 || driver.usedTellsLength, `${what} counts: its used descriptor has the WRITE flag`);
  if (least === most) return check.equal(len, least, what);
  const isWithin = len !== undefined && len >= least && len <= most;
  return check.holds(isWithin, what, { expected: `${least} to ${most}`, actual: String(len) });
}
