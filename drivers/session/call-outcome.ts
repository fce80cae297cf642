import { errno, errorName } from '../../reference-impl/wire/errno.ts';
import { IutGoneError, PeerProtocolError } from '../errors.ts';
import type { ControlOutcome, NoAnswer } from '../port/outcome.ts';
import type { SessionContext } from './session-context.ts';

/** Whether an error number says that there is no device any more. */
export const isDeviceGone = (error: number): boolean => error === errno.ENODEV || error === errno.EBADF;

/** What came of calls that return an error number, or 0. @param error of either sign. */
export function callOutcome(error: number): ControlOutcome {
  const value = Math.abs(error);
  if (value === 0) return { kind: 'done', by: 'return' };
  return isDeviceGone(value) ? { kind: 'closed' } : { kind: 'refused', by: 'errno', value };
}

type Health = Pick<SessionContext, 'exit' | 'deadlineMs'>;

/** As `callOutcome`, where a call can also end with the device, or be given up. @param error of either sign. */
export function callOutcomeOn(context: Health, error: number): ControlOutcome {
  const exit = error === 0 ? undefined : context.exit();
  if (exit !== undefined) return { kind: 'died', exit };
  if (Math.abs(error) === errno.EINTR) return { kind: 'silent', waitedMs: context.deadlineMs };
  return callOutcome(error);
}

/** Why a question that returned this error number has no answer; undefined where it was refused. @param error of either sign. */
export function noAnswerOn(context: Health, error: number): NoAnswer | undefined {
  const outcome = callOutcomeOn(context, error);
  return outcome.kind === 'done' || outcome.kind === 'refused' ? undefined : outcome;
}

/** A call that has to succeed. @throws as `failedCall`. @param answer an error number negated, or no failure. */
export function checkCall(what: string, answer: number): void {
  if (answer < 0) failedCall(what, answer);
}

/** @param answer an error number negated, or so many bytes as were too few. @throws IutGoneError or PeerProtocolError, always. */
export function failedCall(what: string, answer: number): never {
  if (answer === -errno.ENODEV) throw new IutGoneError(`${what}: the device is gone`);
  throw new PeerProtocolError(`${what}: ${answer < 0 ? errorName(answer) : `${answer} bytes`}`);
}
