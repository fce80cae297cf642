import type { IutExit } from '../drivers/port/port.ts';
import { exitText } from './failure.ts';

/** One input as it came out, and whether its crash is its own. */
export type Attributed<Result> =
  | { readonly kind: 'no-crash'; readonly result: Result }
  /** It ended the process alone as well, or nothing had run on that process before. */
  | {
      readonly kind: 'own-crash';
      readonly result: Result;
      readonly exit: IutExit;
      /** Where it ended a fresh process in some runs alone and not in others: how often it did, of all runs. */
      readonly rate?: { readonly crashed: number; readonly of: number };
    }
  /** It did not end a fresh process: the crash belongs to the run, with the inputs before it. */
  | {
      readonly kind: 'not-repeated';
      readonly first: Result;
      readonly exit: IutExit;
      readonly again: Result;
      readonly before: readonly string[];
    };

/** Where an input replaced a process that it had crashed: behind its end nothing has run on the present one. */
export type OwnRestart = 'in-between' | 'at-the-end';

export interface AttributionOptions<Result> {
  /** How the process ended in a result, if it did. */
  crashOf(result: Result): IutExit | undefined;
  /** Of inputs that start the process afresh by themselves, such as sweeps. */
  restartedBy?(result: Result): OwnRestart | undefined;
  /** Whether the input also crashed a process that it had started itself. */
  hasRepeatedCrash?(result: Result): boolean;
  /** Undefined where the process cannot be started afresh. */
  readonly restart: (() => void) | undefined;
}

/** Runs alone on a fresh process, until one crashes. */
const runsAlone = 4;
const namedBefore = 5;
const crashesBeforeGivingUp = 3;

/**
 * Finds out what a crash belongs to: the input, if it crashes a fresh process alone as well, else the run. Counts the
 * inputs that crashed by group and signature.
 */
export class CrashAttribution<Result> {
  readonly #options: AttributionOptions<Result>;
  /** Names of the inputs that ran on the present process, oldest first. */
  #onThisProcess: string[] = [];
  /** By group of inputs, then by signature: the inputs that crashed. */
  readonly #crashes = new Map<string, Map<string, Set<string>>>();

  constructor(options: AttributionOptions<Result>) {
    this.#options = options;
  }

  /** The process was started afresh: what ran before has no part in a later crash. */
  processBegan(): void {
    this.#onThisProcess = [];
  }

  /**
   * Runs an input, and again alone when it crashed a process that had served others: once where it crashes then as well,
   * more often where it does not. A crash that comes by chance is its own all the same.
   */
  attribute(name: string, run: () => Result): Attributed<Result> {
    const { crashOf, restart } = this.#options;
    const first = run();
    const before = this.#onThisProcess.slice(-namedBefore);
    const ownRestart = this.#ran(name, first);
    const exit = crashOf(first);
    if (exit === undefined) return { kind: 'no-crash', result: first };
    const isItsOwn = before.length === 0 || this.#options.hasRepeatedCrash?.(first) === true;
    if (isItsOwn || restart === undefined) return { kind: 'own-crash', result: first, exit };
    let isFresh = ownRestart === 'at-the-end';
    let again: Result | undefined;
    for (let alone = 1; alone <= runsAlone; alone++) {
      if (!isFresh) restart();
      const next = run();
      isFresh = this.#ran(name, next) === 'at-the-end';
      const exitAgain = crashOf(next);
      again ??= next;
      if (exitAgain === undefined) continue;
      const rate = alone === 1 ? {} : { rate: { crashed: 2, of: alone + 1 } };
      return { kind: 'own-crash', result: next, exit: exitAgain, ...rate };
    }
    return { kind: 'not-repeated', first, exit, again: again ?? first, before };
  }

  #ran(name: string, result: Result): OwnRestart | undefined {
    const ownRestart = this.#options.restartedBy?.(result);
    if (ownRestart !== undefined) this.#onThisProcess = [];
    if (ownRestart !== 'at-the-end') this.#onThisProcess.push(name);
    return ownRestart;
  }

  /** Counts a crash of an input, once for each input: a repetition tells nothing new. */
  count(group: string, input: string, exit: IutExit): void {
    const signatures = this.#crashes.get(group) ?? new Map<string, Set<string>>();
    this.#crashes.set(group, signatures);
    const inputs = signatures.get(exitText(exit)) ?? new Set();
    signatures.set(exitText(exit), inputs.add(input));
  }

  /** The signature with which so many inputs of a group have ended the process that no more of them are run. */
  givenUp(group: string): { readonly signature: string; readonly times: number } | undefined {
    for (const [signature, { size: times }] of this.#crashes.get(group) ?? []) {
      if (times >= crashesBeforeGivingUp) return { signature, times };
    }
    return undefined;
  }
}
