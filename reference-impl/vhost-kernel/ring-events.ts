import type { CoreRingRules } from './core-rules.ts';
import type { EventToken, VhostEdge } from './vhost-edge.ts';

/** Of a ring; or of configuration or the log, which have the number 0. */
export type EventUse = 'kick' | 'call' | 'err' | 'config' | 'log';

/** The events that a device holds. */
export class RingEvents {
  readonly #edge: VhostEdge;
  readonly #rules: CoreRingRules;
  readonly #held = new Map<string, EventToken>();

  constructor(edge: VhostEdge, rules: CoreRingRules) {
    this.#edge = edge;
    this.#rules = rules;
  }

  /** An event in place of the one before; undefined takes that away. */
  set(use: EventUse, index: number, token: EventToken | undefined): void {
    const { forgetsUnbound, releasesReplaced } = this.#rules;
    if (token === undefined && !forgetsUnbound) return;
    const name = `${use} ${index}`;
    const before = this.#held.get(name);
    if (releasesReplaced) this.#edge.releaseEvent(before);
    if (token === undefined) this.#held.delete(name);
    else this.#held.set(name, token);
  }

  has(use: EventUse, index: number): boolean {
    return this.#held.has(`${use} ${index}`);
  }

  signal(use: EventUse, index: number): void {
    const token = this.#held.get(`${use} ${index}`);
    if (token !== undefined) this.#edge.signal(token);
  }

  /** Whether the ring was kicked since the last look. */
  takeKick(index: number): boolean {
    const token = this.#held.get(`kick ${index}`);
    return token !== undefined && this.#edge.takeSignal(token);
  }

  drop(): void {
    for (const token of this.#held.values()) this.#edge.releaseEvent(token);
    this.#held.clear();
  }
}
