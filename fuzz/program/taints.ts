import type { KnownState } from './known-state.ts';
import type { Call } from './program.ts';
import type { Taint } from './verdict.ts';

/** Marks what nothing is known of any more behind a call, and takes the marks of the last one back. */
export class Taints {
  readonly #known: KnownState;
  #undo: () => unknown = () => undefined;

  constructor(known: KnownState) {
    this.#known = known;
  }

  /** Another call is classified. */
  begins(): void {
    this.#undo = () => undefined;
  }

  undoBy(undo: () => unknown): void {
    this.#undo = undo;
  }

  /** The call that was classified last was refused. */
  undo(): void {
    this.#undo();
  }

  taint(call: Call, taint: Taint, why: string): void {
    const known = this.#known;
    switch (taint) {
      case 'ring': {
        const ring = known.rings.get(this.#ringOf(call));
        if (ring === undefined) this.taint(call, 'memory', why);
        else this.#mark(ring, why);
        return;
      }
      case 'session': {
        const session = this.#known.sessions.get(this.#sessionIdOf(call));
        if (session === undefined) this.#mark(known, why);
        else this.#mark(session, why);
        return;
      }
      case 'memory':
        // Bytes may lie in any buffer, and a table may mean any memory.
        for (const memory of known.memories.values()) this.#mark(memory, why);
        if ('session' in call) this.taint(call, 'session', why);
        return;
      case 'iut':
        this.#mark(known, why);
    }
  }

  #sessionIdOf(call: Call): number {
    if (call.kind === 'reconnect') return call.id;
    if ('session' in call) return call.session;
    if ('queue' in call) return this.#known.queues.get(call.queue)?.session ?? 0;
    return call.kind === 'signal' ? (this.#known.events.get(call.event) ?? 0) : call.id;
  }

  #mark(of: { tainted: string | undefined }, why: string): void {
    if (of.tainted !== undefined) return;
    const undoOthers = this.#undo;
    this.#undo = () => {
      of.tainted = undefined;
      undoOthers();
    };
    of.tainted = why;
  }

  #ringOf(call: Call): number {
    if ('ring' in call) return call.ring;
    if ('queue' in call) return this.#known.queues.get(call.queue)?.ring ?? 0;
    if (call.kind === 'change' && call.at?.kind === 'ring') return call.at.ring;
    return 0;
  }
}
