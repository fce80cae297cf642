import { flowOf } from './net-flow.ts';

/** Which receive queue a frame gets where a driver may have several pairs (virtio 5.1.9.5.5, 5.1.9.5.6). Pairs count from 0. */

/** What steering does by choice; a fault replaces one entry. */
export interface SteeringRules {
  /** The pair of a frame before any command; so many came before it, and there are `most` pairs. */
  readonly pairAtFirst: (most: number, frames: number) => number;
  /** The pair that a flow is known by, once it was sent on pair `sent`; before, it was by `known`. */
  readonly learned: (sent: number, known: number | undefined) => number;
  /** The pair of a frame whose flow is known by pair `known`, where `pairs` of `most` are in use; `frames` came before. */
  readonly pairOf: (known: number, pairs: number, most: number, frames: number) => number;
  /** Whether frames for a queue that is being reset go to another one. */
  readonly avoidsReset: () => boolean;
  /** Pairs in use behind a command that asks for so many. */
  readonly pairsFor: (asked: number) => number;
}

export const steeringRules: SteeringRules = {
  pairAtFirst: () => 0,
  learned: (sent) => sent,
  pairOf: (known, pairs) => known % pairs,
  avoidsReset: () => true,
  pairsFor: (asked) => asked,
};

export class Steering {
  readonly #most: number;
  readonly #rules: SteeringRules;
  /** Pairs in use; undefined until a command came. */
  #pairs: number | undefined;
  /** The pair by which a flow is known. */
  readonly #flows = new Map<string, number>();
  #frames = 0;

  constructor(most: number, rules: SteeringRules) {
    this.#most = most;
    this.#rules = rules;
  }

  reset(): void {
    this.#pairs = undefined;
    this.#flows.clear();
    this.#frames = 0;
  }

  /** Uses so many pairs from now on; false, and nothing changed, where there are not so many. */
  setPairs(asked: number): boolean {
    if (asked < 1 || asked > this.#most) return false;
    this.#pairs = this.#rules.pairsFor(asked);
    return true;
  }

  /** A frame was sent on a pair. */
  sent(frame: Uint8Array, pair: number): void {
    const flow = flowOf(frame);
    this.#flows.set(flow, this.#rules.learned(pair, this.#flows.get(flow)));
  }

  /** The pair for a frame that comes in; `isEnabled` says of which the receive queue is no queue in reset. */
  pairOf(frame: Uint8Array, isEnabled: (pair: number) => boolean): number {
    const { pairAtFirst, pairOf, avoidsReset } = this.#rules;
    const frames = this.#frames++;
    if (this.#pairs === undefined) return pairAtFirst(this.#most, frames);
    const chosen = pairOf(this.#flows.get(flowOf(frame)) ?? 0, this.#pairs, this.#most, frames);
    if (isEnabled(chosen) || !avoidsReset()) return chosen;
    for (let pair = 0; pair < this.#pairs; pair++) if (isEnabled(pair)) return pair;
    return chosen;
  }
}
