import { constants } from 'node:os';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Waits for a signal that ends the run: the first asks for a clean end, the second ends at once. */
export class Interruption {
  #signal: (typeof signals)[number] | undefined;
  readonly #handlers = signals.map((name) => ({ name, handler: () => this.#received(name) }));
  readonly #onFirst: () => void;

  constructor(onFirst: () => void) {
    this.#onFirst = onFirst;
    for (const { name, handler } of this.#handlers) process.on(name, handler);
  }

  get happened(): boolean {
    return this.#signal !== undefined;
  }

  /** 128 and the number of the signal, as a shell says it. */
  get exitCode(): number {
    return this.#signal === undefined ? 0 : 128 + constants.signals[this.#signal];
  }

  stopListening(): void {
    for (const { name, handler } of this.#handlers) process.off(name, handler);
  }

  #received(name: (typeof signals)[number]): void {
    if (this.#signal !== undefined) process.exit(128 + constants.signals[name]);
    this.#signal = name;
    this.#onFirst();
  }
}
