import type { Request } from '../../drivers/devices/request.ts';
import type { Check } from '../check.ts';

/** The `len` of the used element of a request is what the device writes of it. */
export function isLengthOf({ writes }: Request, check: Check, len: number | undefined, what: string): boolean {
  const { least, most } = writes;
  if (least === most) return check.equal(len, least, what);
  const isWithin = len !== undefined && len >= least && len <= most;
  return check.holds(isWithin, what, { expected: `${least} to ${most}`, actual: String(len) });
}
