import type { Coverage } from '../../drivers/port/port.ts';

/**
 * Edges that an instrumented IUT took, as signals: an edge with the class of its count. They are read and cleared behind
 * the session that is served behind a program: what the program asked for has been done by then. What goes on by itself
 * counts all the same; what of it does not come each time is masked.
 */

/** Above all signals of calls. */
export const firstEdgeSignal = 1 << 20;

/** The least count of each class. */
const classes = [1, 2, 3, 4, 8, 16, 32, 128] as const;
const classOfCount = Uint8Array.from({ length: 256 }, (_, count) =>
  Math.max(
    classes.findLastIndex((least) => count >= least),
    0,
  ),
);

export class EdgeSignals {
  readonly #coverage: Coverage | undefined;
  #signals: number[] = [];

  constructor(coverage: Coverage | undefined) {
    this.#coverage = coverage;
    this.clear();
  }

  /** Hash of the program that counts; undefined where the IUT is not instrumented. */
  get program(): bigint | undefined {
    return this.#coverage?.program;
  }

  /** What was read last. */
  get signals(): readonly number[] {
    return this.#signals;
  }

  /** Reads what was counted, and clears the counters. */
  read(): void {
    const signals: number[] = [];
    this.#coverage?.read((edge, times) =>
      signals.push(firstEdgeSignal + edge * classes.length + (classOfCount[times] ?? 0)),
    );
    this.#coverage?.clear();
    this.#signals = signals;
  }

  clear(): void {
    this.#coverage?.clear();
    this.#signals = [];
  }
}
