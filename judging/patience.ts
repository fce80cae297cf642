/** What a target may cost before the rest of its inputs is not run. */
export interface Patience {
  /** Milliseconds of results in which something owed never came. Restarts do not count: they depend on the machine. */
  readonly silentMs: number;
  /** Results in which the process died. */
  readonly deaths: number;
}

/** Adds up what a target costs. */
export class Losses {
  readonly #patience: Patience;
  #silentMs = 0;
  #silentResults = 0;
  #deaths = 0;

  constructor(patience: Patience) {
    this.#patience = patience;
  }

  died(): void {
    this.#deaths++;
  }

  wasSilent(ms: number): void {
    this.#silentMs += ms;
    this.#silentResults++;
  }

  /** Why the target is given up; undefined while it is not. */
  get givenUp(): string | undefined {
    const { silentMs, deaths } = this.#patience;
    if (this.#silentMs >= silentMs) {
      return `given up: it was silent for more than ${silentMs / 1000} s in ${counted(this.#silentResults)}`;
    }
    return this.#deaths >= deaths ? `given up: it died in ${counted(this.#deaths)}` : undefined;
  }
}

function counted(results: number): string {
  return results === 1 ? '1 result' : `${results} results`;
}
