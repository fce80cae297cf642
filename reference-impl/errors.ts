/**
 * The errors of this project. What is expected of an IUT (a refusal, a malformed chain, silence) is a value and never
 * one of these.
 */
export abstract class VhostConformanceError extends Error {
  abstract readonly code: string;
  override get name(): string {
    return this.constructor.name;
  }
}

/** The IUT broke the protocol in a way that ends the exchange; becomes a finding. */
export class PeerProtocolError extends VhostConformanceError {
  readonly code = 'peer-protocol';
}

/** A case or a caller used our own interfaces wrongly: our fault, never counted against an IUT. */
export class DriverUsageError extends VhostConformanceError {
  readonly code = 'driver-usage';
}

/**
 * A case asks for what this device is not known to do, such as requests where we have no driver of it. That is known
 * before it runs, but for paths that no reference takes. The message names what is missing.
 */
export class RequestsUnknownError extends VhostConformanceError {
  readonly code = 'requests-unknown';
}

/** The IUT is no longer there: its process died or its device went away. */
export class IutGoneError extends VhostConformanceError {
  readonly code = 'iut-gone';
  /** A chain that it was given was waited for, and by no step that a case presupposes. */
  readonly owesCompletion: boolean;

  constructor(message: string, { owesCompletion = false }: { readonly owesCompletion?: boolean } = {}) {
    super(message);
    this.owesCompletion = owesCompletion;
  }
}

/** Runs what a case presupposes and is not about: what a process owed that ends there is owed to no claim of the case. */
export function presupposing<Result>(step: () => Result): Result {
  try {
    return step();
  } catch (error) {
    if (error instanceof IutGoneError && error.owesCompletion) throw new IutGoneError(error.message);
    throw error;
  }
}

/** Something owed did not come before its deadline. */
export class DeadlineError extends VhostConformanceError {
  readonly code: string = 'deadline';
}

/** The answer to a message of the session itself, which no case claims anything of, did not come before its deadline. */
export class UnansweredError extends DeadlineError {
  override readonly code = 'unanswered';
}

/** What a case presupposes, and is not about, does not hold: it shows nothing. The message says what. */
export class PremiseError extends VhostConformanceError {
  readonly code = 'premise';
}

/** Whether an error tells of the IUT, and of no fault of ours. */
export function isOfIut(error: unknown): error is PeerProtocolError | IutGoneError | DeadlineError {
  return error instanceof PeerProtocolError || error instanceof DeadlineError || error instanceof IutGoneError;
}

/** A case took longer than it may: nothing is known of what was still to come. */
export class BudgetError extends VhostConformanceError {
  readonly code = 'budget';
}

/** A system call failed. `errno` is the positive number, `syscall` the name of the call. */
export class SystemCallError extends VhostConformanceError {
  readonly code: string;
  readonly errno: number;
  readonly syscall: string;
  constructor(message: string, detail: { readonly code: string; readonly errno: number; readonly syscall: string }) {
    super(message);
    this.code = detail.code;
    this.errno = detail.errno;
    this.syscall = detail.syscall;
  }
}

/** The catalogue contradicts itself or what cites it. */
export class CatalogueError extends VhostConformanceError {
  readonly code = 'catalogue';
}
