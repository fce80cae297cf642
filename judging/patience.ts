/** What a target may cost before the rest of its inputs is not run. */
export interface Patience {
  /** Milliseconds of results in which something owed never came. Restarts do not count: they depend on the machine. */
  readonly silentMs: number;
  /** Results in which the process died. */
  readonly deaths: number;
}

/** Adds up what a target costs. What an input lost counts once, however often that input is repeated. */
export class Losses {
  readonly #patience: Patience;
  #silentMs = 0;
  readonly #silent = new Set<string>();
  readonly #died = new Set<string>();

  constructor(patience: Patience) {
    this.#patience = patience;
  }

  /** `input` names what ran: the key of a case. */
  died(input: string): void {
    this.#died.add(input);
  }

  wasSilent(input: string, ms: number): void {
    if (this.#silent.has(input)) return;
    this.#silent.add(input);
    this.#silentMs += ms;
  }

  /** Why the target is given up; undefined while it is not. */
  get givenUp(): string | undefined {
    const { silentMs, deaths } = this.#patience;
    if (this.#silentMs >= silentMs) {
      return `given up: it was silent for more than ${silentMs / 1000} s in ${counted(this.#silent.size)}`;
    }
    return this.#died.size >= deaths ? `given up: it died in ${counted(this.#died.size)}` : undefined;
  }
}

function counted(results: number): string {
  return results === 1 ? '1 result' : `${results} results`;
}
