import type { IutExit } from './outcome.ts';

/** Descriptors and shared memory that the IUT holds, by identity. */
export interface IutResources {
  /** Number of open descriptors in all, and by kind (`anon_inode:[eventfd]`, `memfd:name`, `socket`). */
  readonly descriptors: number;
  readonly byIdentity: Readonly<Record<string, number>>;
  /** Named memfds of ours that are mapped. */
  readonly mappings: Readonly<Record<string, number>>;
}

export interface Iut {
  isAlive(): boolean;
  exit(): IutExit | undefined;
  /** The process tree's CPU time in milliseconds; undefined where it cannot be read. */
  cpuTimeMs(): number | undefined;
  resources(): IutResources | undefined;
  stderrTail(maxBytes: number): string;
  /** Ends what lives and starts a fresh process; waits for readiness. @throws SystemCallError, DeadlineError. */
  restart(): void;
}
