import { firstEdgeSignal } from '../coverage/edge-signals.ts';
import { type OutcomeClass, type Outcomes, outcomeClasses, outcomeNumber } from '../executor/outcomes.ts';
import { callKinds } from '../program/call-table.ts';
import type { Standing } from '../program/lawfulness.ts';
import type { Call, Program } from '../program/program.ts';

/**
 * What a program reached: for each call its kind (a message by its request), the class of its outcome, and the state in
 * which it was made. A signal is a number. States have no positions, so there are few of them.
 */

/** Signals of calls that are kept: more are not told apart. Edges are as many as the program has. */
const mostSignals = 16_384;
/** Requests from this number on are one. */
export const namedRequests = 64;
const classes = 16;
export const stateCount = 2 * 2 * 3 * 2;

/** Numbers from this one on are no signals of calls. */
export const signalsOfCalls = (namedRequests + callKinds.length) * classes * stateCount;

export const callOfSignal = (signal: number): number => Math.floor(signal / stateCount / classes);
export const stateOfSignal = (signal: number): number => signal % stateCount;
export const outcomeOfSignal = (signal: number): OutcomeClass | undefined =>
  outcomeClasses[Math.floor(signal / stateCount) % classes];

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

/** The signals of a program that has run, each once. @param edges what it reached in the IUT. */
export function signalsOf(
  { calls }: Program,
  outcomes: Outcomes,
  standings: readonly Standing[],
  edges: readonly number[] = [],
): Set<number> {
  const signals = new Set(edges);
  const state = new SessionState();
  for (let place = 0; place < outcomes.count; place++) {
    const call = calls[place];
    if (call === undefined) break;
    const outcome = outcomeNumber[outcomes.classOf(place)];
    const kind =
      call.kind === 'message' ? Math.min(call.request, namedRequests - 1) : (kindNumbers.get(call.kind) ?? 0);
    const isTainted = standings[place]?.tainted !== undefined;
    signals.add((kind * classes + outcome) * stateCount + state.number(isTainted));
    state.passed(call, outcome === outcomeNumber.skipped || outcome >= outcomeNumber.refused);
  }
  return signals;
}

/** All signals that a campaign has seen. */
export class SignalMap {
  readonly #seen = new Set<number>();
  /** Signals that do not come with each run of a program. */
  readonly #masked = new Set<number>();

  #edges = 0;

  /** Signals of calls. */
  get size(): number {
    return this.#seen.size - this.#edges;
  }

  /** Edges of the IUT, each with a class of its count. */
  get edges(): number {
    return this.#edges;
  }

  /** Those that were not seen before. */
  newIn(signals: ReadonlySet<number>): number[] {
    const isFull = this.size >= mostSignals;
    const fresh: number[] = [];
    for (const signal of signals) {
      if (this.#seen.has(signal) || this.#masked.has(signal)) continue;
      if (!isFull || isEdge(signal)) fresh.push(signal);
    }
    return fresh;
  }

  add(signals: Iterable<number>): void {
    for (const signal of signals) {
      if (this.#seen.has(signal)) continue;
      this.#seen.add(signal);
      if (isEdge(signal)) this.#edges++;
    }
  }

  /** The program is another one: its edges have other numbers. */
  forgetEdges(): void {
    for (const signals of [this.#seen, this.#masked]) {
      for (const signal of signals) if (isEdge(signal)) signals.delete(signal);
    }
    this.#edges = 0;
  }

  mask(signals: Iterable<number>): void {
    for (const signal of signals) this.#masked.add(signal);
  }
}

const isEdge = (signal: number): boolean => signal >= firstEdgeSignal;
