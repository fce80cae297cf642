import { constants } from 'node:os';

/** What went wrong, for machines: stable, unlike the message. */
export type ErrorCode = 'peer-protocol' | 'driver-usage' | 'iut-gone' | 'deadline' | 'system-call';

/** The root of all errors that the drivers throw on purpose. */
export abstract class VhostConformanceError extends Error {
  abstract readonly code: ErrorCode;

  override get name(): string {
    return this.constructor.name;
  }
}

/** The IUT broke the protocol; becomes a finding. */
export class PeerProtocolError extends VhostConformanceError {
  override readonly code = 'peer-protocol';
}

/** A driver was used in a way it does not allow: our own mistake. */
export class DriverUsageError extends VhostConformanceError {
  override readonly code = 'driver-usage';
}

/** The process or the connection that the work needs is gone. */
export class IutGoneError extends VhostConformanceError {
  override readonly code = 'iut-gone';
}

/** Something did not happen in time. */
export class DeadlineError extends VhostConformanceError {
  override readonly code = 'deadline';
}

const errnoNames = new Map<number, string>();
for (const [name, number] of Object.entries(constants.errno)) {
  // The first of two names for one number: EAGAIN, not EWOULDBLOCK.
  if (!errnoNames.has(number)) errnoNames.set(number, name);
}
// Known to Linux, not to node.
const linuxErrnoNames: ReadonlyArray<readonly [number, string]> = [
  [15, 'ENOTBLK'],
  [76, 'ENOTUNIQ'],
  [77, 'EBADFD'],
  [85, 'ERESTART'],
  [94, 'ESOCKTNOSUPPORT'],
  [96, 'EPFNOSUPPORT'],
  [108, 'ESHUTDOWN'],
  [109, 'ETOOMANYREFS'],
  [112, 'EHOSTDOWN'],
  [117, 'EUCLEAN'],
  [121, 'EREMOTEIO'],
];
for (const [number, name] of linuxErrnoNames) errnoNames.set(number, name);

/** The symbolic name of an errno, or `errno N` where it has none. */
export function errnoName(errno: number): string {
  return errnoNames.get(errno) ?? `errno ${errno}`;
}

/** A system call failed. */
export class SystemCallError extends VhostConformanceError {
  override readonly code = 'system-call';
  /** Positive, as in errno.h. */
  readonly errno: number;
  readonly errnoName: string;
  readonly syscall: string;

  /** `subject` names what it was done to: a path, a program. */
  constructor(errno: number, syscall: string, subject?: string) {
    super(`${syscall}${subject === undefined ? '' : ` ${subject}`}: ${errnoName(errno)}`);
    this.errno = errno;
    this.errnoName = errnoName(errno);
    this.syscall = syscall;
  }
}
