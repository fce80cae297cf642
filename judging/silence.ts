import type { DriverPort, IutExit } from '../drivers/port/port.ts';
import { type Control, control } from './control.ts';
import { seenWithinMs } from './deadline.ts';
import { exitText, type Failure } from './failure.ts';

export interface SilenceOptions {
  /** Whether the reference, on this machine and now, completes a transfer within the deadline. */
  referenceMeetsDeadline(): boolean;
}

/** What a silence was: a failure, or a reason for which it cannot be told. */
export type SettledSilence =
  | { readonly kind: 'failure'; readonly failure: Failure }
  | { readonly kind: 'inconclusive'; readonly why: string };

/** How a reason begins that is this machine's. */
export const tooSlowToTell = 'too slow to tell: ';

const mostControls = 4;

/**
 * Decides what silences were, behind the sessions in which they were seen: `stalled` when a control completes at once,
 * `hang` when it fails too, inconclusive when this machine is too slow to say. One control serves for all of them. Where
 * the process has ended since, no control can tell them from its end: the first is the `crash`, the others are part of it.
 */
export class Silences {
  readonly #port: DriverPort;
  readonly #options: SilenceOptions;
  #found: Control | undefined;
  /** What the process did not give before it ended. */
  #crashed: string | undefined;

  constructor(port: DriverPort, options: SilenceOptions) {
    this.#port = port;
    this.#options = options;
  }

  settle({ silent: _, ...failure }: Failure): SettledSilence {
    const { what } = failure;
    const exit = this.#found === undefined ? this.#port.iut.exit() : undefined;
    if (exit !== undefined) return this.#ofEnded(failure, exit);
    this.#found ??= this.#quickestControl();
    if (this.#found.kind === 'completed') {
      const { elapsedMs } = this.#found;
      if (elapsedMs <= seenWithinMs(this.#port)) {
        return { kind: 'failure', failure: { ...failure, how: 'stalled' } };
      }
      const why = `${tooSlowToTell}${what}: nothing came, but a control took ${elapsedMs.toFixed(1)} ms as well`;
      return { kind: 'inconclusive', why };
    }
    if (!this.#options.referenceMeetsDeadline()) {
      return {
        kind: 'inconclusive',
        why: `${tooSlowToTell}${what}: nothing came, but the reference is as slow here now`,
      };
    }
    const actual = `${failure.actual}; a fresh session fails too: ${this.#found.why}`;
    return { kind: 'failure', failure: { ...failure, how: 'hang', actual } };
  }

  #ofEnded(failure: Failure, exit: IutExit): SettledSilence {
    if (this.#crashed !== undefined) {
      return { kind: 'inconclusive', why: `${failure.what}: nothing came, and the process ended (${this.#crashed})` };
    }
    this.#crashed = failure.what;
    const actual = `${failure.actual}, and the process ended by ${exitText(exit)}`;
    // On a machine this slow it may have been late, and only its end is certain.
    const late = this.#options.referenceMeetsDeadline() ? {} : ({ besideText: true } as const);
    return { kind: 'failure', failure: { ...failure, ...late, how: 'crash', actual, exit } };
  }

  /** One that takes long may have been kept from running by other work: the quickest of some says how quick it can be. */
  #quickestControl(): Control {
    let quickest = control(this.#port);
    for (let tries = 1; tries < mostControls; tries++) {
      if (quickest.kind === 'failed' || quickest.elapsedMs <= seenWithinMs(this.#port)) break;
      const next = control(this.#port);
      if (next.kind === 'completed' && next.elapsedMs < quickest.elapsedMs) quickest = next;
    }
    return quickest;
  }
}
