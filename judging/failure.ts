import type { IutExit, Refused } from '../drivers/port/port.ts';
import type { FailureKind } from '../reference-impl/observations/failure-kind.ts';
import { errorName } from '../reference-impl/wire/errno.ts';

/** One claim about an IUT that did not hold. */
export interface Failure {
  readonly how: FailureKind;
  readonly what: string;
  readonly expected: string;
  readonly actual: string;
  /** Sequence number of the event of the log at which the claim was evaluated. */
  readonly traceEvent: number;
  readonly exit?: IutExit;
  /** Of a sweep: the point that failed. */
  readonly point?: string;
  /** Nothing came before the deadline: a control decides afterwards whether that is a stall or a hang. */
  readonly silent?: true;
  /** Seen where the case did what its requirement is not about: a crash or a hang there is harm, and violates no text. */
  readonly besideText?: true;
}

export function exitText(exit: IutExit): string {
  if (exit.signal !== undefined) return `signal ${exit.signal}`;
  return exit.code === undefined ? 'an end that only its owner sees' : `exit code ${exit.code}`;
}

/** A refusal in words. */
export function refusalText({ by, value }: Refused): string {
  switch (by) {
    case 'acknowledgement':
      return `acknowledgement ${value}`;
    case 'errno':
      return errorName(-Number(value));
    case 'status':
      return `status 0x${value.toString(16)}`;
  }
}
