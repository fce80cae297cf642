import type { VhostFileSession } from '../../drivers/port/port.ts';
import type { Attempt } from '../../judging/refusal.ts';
import type { CaseContext, SessionStart, VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';

type Context<S extends VhostFileSession> = Pick<CaseContext<string, VariantAxes, S>, 'connect' | 'refusal'>;

export interface RefusedCall<S extends VhostFileSession> {
  /** Names the flawed call, in checks. */
  readonly what: string;
  /** How far a session gets ahead of the call. */
  readonly start: SessionStart;
  /** Does all else that comes before the call. */
  prepare?(session: S): void;
  flawed(session: S): number;
  /** The same call without the flaw. */
  control(session: S): number;
  readonly controlName: string;
  /** Looks at the device behind the flawed call. */
  behind?(session: S): void;
  /** Names of the errors with which it may fail; any unless told. */
  readonly errors?: readonly string[];
}

/** A call that fails, while the same without the flaw is taken by a device that was opened anew. */
export function refusesCall<S extends VhostFileSession>(context: Context<S>, check: Check, call: RefusedCall<S>): void {
  const { what, start, prepare, flawed, control, controlName, behind, errors } = call;
  const tried = context.refusal<S>({
    open: () => {
      const session = context.connect(start);
      prepare?.(session);
      return session;
    },
    flawed: (session) => attemptOf(flawed(session)),
    control: (session) => attemptOf(control(session)),
    controlName,
    ...(behind === undefined ? {} : { behind }),
  });
  check.refused(tried, what, errors);
}

/** What a call that answers a count or an error number negated came to. */
export const attemptOf = (answer: number): Attempt =>
  answer >= 0 ? { kind: 'done', by: 'return' } : { kind: 'refused', by: 'errno', value: -answer };

/** A call that must be taken, as a claim of the requirement. */
export function takes(check: Check, answer: number, what: string): boolean {
  return check.accepted(
    answer >= 0 ? { kind: 'done', by: 'return' } : { kind: 'refused', by: 'errno', value: -answer },
    what,
  );
}
