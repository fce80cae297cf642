import type { IutExit, Refused, SanitizerReport } from '../drivers/port/port.ts';
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
  /** What did not come is the answer to a message of which the requirement claims nothing. */
  readonly unanswered?: true;
  /** Seen where the case did what its requirement is not about: a crash or a hang there is harm, and violates no text. */
  readonly besideText?: true;
  /** A sanitizer of the IUT said it while the process went on: harm, whatever was asked of it. */
  readonly reported?: true;
}

/** With what a sanitizer said of it, so that ends of different causes differ. */
export function exitText(exit: IutExit): string {
  const last = exit.lastFunction === undefined ? '' : ` (its last edge was in ${exit.lastFunction})`;
  const report = exit.report === undefined ? last : ` (${reportText(exit.report)})`;
  if (exit.signal !== undefined) return `signal ${exit.signal}${report}`;
  return exit.code === undefined ? 'an end that only its owner sees' : `exit code ${exit.code}${report}`;
}

/** A report of a sanitizer in one line. */
export function reportText({ tool, error, functions }: SanitizerReport): string {
  const [inner, outer] = functions;
  const where = inner === undefined ? '' : ` in ${inner}${outer === undefined ? '' : `, called by ${outer}`}`;
  return `${tool}: ${error}${where}`;
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
