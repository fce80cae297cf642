import type { IutExit } from './outcome.ts';

/** How the program is given its socket: by a path that it binds, or by a descriptor that listens or is connected. */
export type GivenSocket = 'path' | 'listening' | 'connected';

/** The program of a back-end, in a process beside the IUT. */
export interface ProgramRun {
  readonly socketPath: string;
  /** How it ended; undefined where it still runs after so long. */
  waitForExit(milliseconds: number): IutExit | undefined;
  /** Whether a socket listens at its path within the time; no longer than the program runs. */
  listens(milliseconds: number): boolean;
  /** Whether it answers GET_FEATURES within the time on a connection that is kept. */
  answers(milliseconds: number): boolean;
  terminate(): void;
  /** What it printed on standard output, up to 4 KiB. */
  printed(): string;
  /** Ends the process and all that it started. */
  end(): void;
}

/** The program of a target, with all words of its start that do not tell of the socket. */
export interface BackEndProgram {
  /**
   * Starts it. `words` are given the path for a socket in a directory of its own, and the number of the descriptor that
   * the program inherits. @throws SystemCallError
   */
  start(given: GivenSocket, words: (socketPath: string, descriptor: number) => readonly string[]): ProgramRun;
  /** Ends all that were started. Returns how many still ran. */
  endAll(): number;
}
