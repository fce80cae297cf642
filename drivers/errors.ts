import { constants } from 'node:os';
import { SystemCallError as SystemCallFailure } from '../reference-impl/errors.ts';

export {
  BudgetError,
  DeadlineError,
  DriverUsageError,
  IutGoneError,
  isOfIut,
  PeerProtocolError,
  PremiseError,
  presupposing,
  UnansweredError,
  VhostConformanceError,
} from '../reference-impl/errors.ts';

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
export class SystemCallError extends SystemCallFailure {
  readonly errnoName: string;

  /** `errno` positive, as in errno.h; `subject` names what it was done to: a path, a program. */
  constructor(errno: number, syscall: string, subject?: string) {
    const message = `${syscall}${subject === undefined ? '' : ` ${subject}`}: ${errnoName(errno)}`;
    super(message, { code: 'system-call', errno, syscall });
    this.errnoName = errnoName(errno);
  }
}
