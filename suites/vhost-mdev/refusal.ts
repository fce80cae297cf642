import type { VhostMdevSession } from '../../drivers/port/port.ts';
import type { Attempt } from '../../judging/refusal.ts';
import { errno } from '../../reference-impl/wire/errno.ts';
import type { CaseContext, VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';
import type { Answer } from './ring-messages.ts';

type Opened = VhostMdevSession | { readonly session: VhostMdevSession };

export interface RefusedCall<O extends Opened> {
  /** Names the flawed call, in checks. */
  readonly what: string;
  /** Opens the device and does all that comes before the call. */
  open(): O;
  flawed(opened: O): Answer;
  /** The same call without the flaw. */
  control(opened: O): Answer;
  readonly controlName: string;
  /** Looks at the device behind the flawed call. */
  behind?(opened: O): void;
  /** Names of the errors with which it may fail; EINVAL unless told, any for `any`. */
  readonly errors?: readonly string[] | 'any';
}

/** A call or message that fails, while the same without the flaw is taken by a device that was opened anew. */
export function refusesCall<O extends Opened>(
  { refusal }: Pick<CaseContext<string, VariantAxes, VhostMdevSession>, 'refusal'>,
  check: Check,
  call: RefusedCall<O>,
): void {
  const { what, open, flawed, control, controlName, behind, errors = ['EINVAL'] } = call;
  const tried = refusal<O>({
    open,
    flawed: (opened) => attemptOf(flawed(opened)),
    control: (opened) => attemptOf(control(opened)),
    controlName,
    ...(behind === undefined ? {} : { behind }),
  });
  check.refused(tried, what, errors === 'any' ? undefined : errors);
}

const numbers: Readonly<Record<string, number>> = errno;

function attemptOf(answer: Answer): Attempt {
  const value = numbers[answer] ?? Number(/^error (\d+)$/.exec(answer)?.[1] ?? 0);
  return value === 0 ? { kind: 'done', by: 'return' } : { kind: 'refused', by: 'errno', value };
}
