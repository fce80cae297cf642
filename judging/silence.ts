import type { DriverPort } from '../drivers/port/port.ts';
import { type Control, control } from './control.ts';
import { seenWithinMs } from './deadline.ts';
import type { Failure } from './failure.ts';

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
 * `hang` when it fails too, inconclusive when this machine is too slow to say. One control serves for all of them.
 */
export class Silences {
  readonly #port: DriverPort;
  readonly #options: SilenceOptions;
  #found: Control | undefined;

  constructor(port: DriverPort, options: SilenceOptions) {
    this.#port = port;
    this.#options = options;
  }

  settle({ silent: _, ...failure }: Failure): SettledSilence {
    const { iut } = this.#port;
    this.#found ??= iut.isAlive() ? this.#quickestControl() : { kind: 'failed', why: 'the process ended' };
    const { what } = failure;
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
