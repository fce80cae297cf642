import type { Outcomes } from '../executor/outcomes.ts';
import { outcomeNumber } from '../executor/outcomes.ts';
import { callKinds } from '../program/call-table.ts';
import type { Standing } from '../program/lawfulness.ts';
import type { Call, Program } from '../program/program.ts';

/**
 * What a program reached: for each call its kind (a message by its request), the class of its outcome, and the state in
 * which it was made. A signal is a number. States have no positions, so there are few of them.
 */

/** Signals that are kept: more are not told apart. */
const mostSignals = 16_384;
/** Requests from this number on are one. */
const namedRequests = 64;
const classes = 16;
const states = 2 * 2 * 3 * 2;

const kindNumbers: ReadonlyMap<string, number> = new Map(callKinds.map((kind, at) => [kind, namedRequests + at]));

/** How far the present session has come, as the outcomes say. */
class SessionState {
  #isNegotiated = false;
  #hasMemory = false;
  /** 0 no ring, 1 a ring runs, 2 one was stopped. */
  #rings = 0;

  number(isTainted: boolean): number {
    const settled = (this.#isNegotiated ? 1 : 0) + (this.#hasMemory ? 2 : 0);
    return (settled * 3 + this.#rings) * 2 + (isTainted ? 1 : 0);
  }

  passed({ kind }: Call, hasFailed: boolean): void {
    if (hasFailed) return;
    if (kind === 'connect' || kind === 'reconnect' || kind === 'disconnect') {
      this.#isNegotiated = false;
      this.#hasMemory = false;
      this.#rings = 0;
    } else if (kind === 'negotiate') this.#isNegotiated = true;
    else if (kind === 'share' || kind === 'memory-table') this.#hasMemory = true;
    else if (kind === 'attach') this.#rings = 1;
    else if (kind === 'stop') this.#rings = 2;
  }
}

/** The signals of a program that has run, each once. */
export function signalsOf({ calls }: Program, outcomes: Outcomes, standings: readonly Standing[]): Set<number> {
  const signals = new Set<number>();
  const state = new SessionState();
  for (let place = 0; place < outcomes.count; place++) {
    const call = calls[place];
    if (call === undefined) break;
    const outcome = outcomeNumber[outcomes.classOf(place)];
    const kind =
      call.kind === 'message' ? Math.min(call.request, namedRequests - 1) : (kindNumbers.get(call.kind) ?? 0);
    const isTainted = standings[place]?.tainted !== undefined;
    signals.add((kind * classes + outcome) * states + state.number(isTainted));
    state.passed(call, outcome === outcomeNumber.skipped || outcome >= outcomeNumber.refused);
  }
  return signals;
}

/** All signals that a campaign has seen. */
export class SignalMap {
  readonly #seen = new Set<number>();
  /** Signals that do not come with each run of a program. */
  readonly #masked = new Set<number>();

  get size(): number {
    return this.#seen.size;
  }

  /** Those that were not seen before. */
  newIn(signals: ReadonlySet<number>): number[] {
    if (this.#seen.size >= mostSignals) return [];
    return [...signals].filter((signal) => !this.#seen.has(signal) && !this.#masked.has(signal));
  }

  add(signals: Iterable<number>): void {
    for (const signal of signals) this.#seen.add(signal);
  }

  mask(signals: Iterable<number>): void {
    for (const signal of signals) this.#masked.add(signal);
  }
}
