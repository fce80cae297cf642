import type { IutExit, SanitizerReport } from './outcome.ts';

/** Descriptors and shared memory that the IUT holds, by identity. */
export interface IutResources {
  /** Number of open descriptors in all, and by kind (`anon_inode:[eventfd]`, `memfd:name`, `socket`). */
  readonly descriptors: number;
  readonly byIdentity: Readonly<Record<string, number>>;
  /** Named memfds of ours that are mapped. */
  readonly mappings: Readonly<Record<string, number>>;
  /**
   * Bytes of memory that are its own: anonymous pages of its processes; for a reference of this process what it has mapped.
   * Undefined where they cannot be told from those of others, or from what AddressSanitizer keeps.
   */
  readonly memory?: number;
}

/** What can be done with an IUT that no longer serves, mildest first. */
export type RecoveryStep = 'reconnect' | 'restart' | 'device-reset' | 'function-level-reset' | 'power-cycle';

/** A step of the ladder that is climbed when an IUT no longer serves. */
export interface Rung {
  readonly step: RecoveryStep;
  /** Takes the step and waits until the IUT can be connected to. @throws SystemCallError, DeadlineError, IutGoneError. */
  take(): void;
}

/** A call that the device behind a back-end got, as the back-end's log of it tells. */
export interface DeviceCall {
  /** Which of the processes that were started, from 1 on. */
  readonly process: number;
  /** On the clock of the event log. */
  readonly timeUs: number;
  readonly device: string;
  /** A number that the back-end has for the connection on behalf of which it called. */
  readonly connection: number;
  /** Its name, and the whole call with its arguments. */
  readonly call: string;
  readonly text: string;
  readonly result: string;
}

export interface DeviceCalls {
  /** Which of the processes that were started runs now. */
  readonly process: number;
  /** In order, those of earlier processes among them. */
  readonly calls: readonly DeviceCall[];
}

/** Edges that an instrumented IUT took: counters in memory of ours, which outlive its process. */
export interface Coverage {
  /** Hash of the program that counts; undefined where none does. */
  readonly program: bigint | undefined;
  /** Calls `each` with every edge that was taken since the counters were cleared, and how often: at most 255 times. */
  read(each: (edge: number, times: number) => void): void;
  clear(): void;
}

export interface Iut {
  /** For an IUT of ours: what it counts if it is instrumented. */
  readonly coverage?: Coverage;
  /** What sanitizers in the IUT have said since the last call while it went on. */
  reports?(): SanitizerReport[];
  /** What its device was told since the last time. Absent where nothing is written of it. */
  readonly takeDeviceCalls?: () => DeviceCalls;
  isAlive(): boolean;
  exit(): IutExit | undefined;
  /** The process tree's CPU time in milliseconds; undefined where it cannot be read. */
  cpuTimeMs(): number | undefined;
  resources(): IutResources | undefined;
  /** Which of the processes that were started runs now. Absent where we start none. */
  readonly generation?: number | undefined;
  /** Ends what lives and starts a fresh process; waits for readiness. @throws SystemCallError, DeadlineError. */
  restart(): void;
}
