/** What one kind of inputs may cost before the rest of that kind is not run. */
export interface Patience {
  /** Inputs in which something owed never came. A number and no time: two runs give up at the same place. */
  readonly silences: number;
  /** Inputs in which the process ended; undefined where starting it afresh is cheap, and is simply done. */
  readonly deaths: number | undefined;
}

/** Once so many kinds were given up for their silence, the target as a whole is slow to say nothing. */
const silentKinds = 3;
/** Then each further kind may cost a quarter. */
const lessPatience = 4;

/**
 * Counts what a target costs, by kind of input: what breaks one kind does not keep others from being run. What an input
 * lost counts once, however often that input is repeated.
 */
export class Losses {
  readonly #patience: Patience;
  readonly #silent = new Map<string, Set<string>>();
  readonly #died = new Map<string, Set<string>>();

  constructor(patience: Patience) {
    this.#patience = patience;
  }

  /** @param input names what ran: the key of a case. @param kind what it has in common with others: its area. */
  died(input: string, kind: string): void {
    add(this.#died, kind, input);
  }

  wasSilent(input: string, kind: string): void {
    add(this.#silent, kind, input);
  }

  /** Why the rest of a kind is given up; undefined while it is not. */
  givenUp(kind: string): string | undefined {
    const silences = this.#silent.get(kind)?.size ?? 0;
    if (silences >= this.#silencesOf(kind)) return `given up: it was silent in ${counted(silences)} of ${kind}`;
    const deaths = this.#died.get(kind)?.size ?? 0;
    const { deaths: most } = this.#patience;
    return most === undefined || deaths < most ? undefined : `given up: it died in ${counted(deaths)} of ${kind}`;
  }

  /** Why each kind is given up that is. */
  get allGivenUp(): readonly string[] {
    const kinds = new Set([...this.#silent.keys(), ...this.#died.keys()]);
    return [...kinds].flatMap((kind) => this.givenUp(kind) ?? []);
  }

  #silencesOf(kind: string): number {
    const { silences } = this.#patience;
    const others = [...this.#silent].filter(([other, inputs]) => other !== kind && inputs.size >= silences);
    return others.length < silentKinds ? silences : Math.max(1, Math.floor(silences / lessPatience));
  }
}

function add(to: Map<string, Set<string>>, kind: string, input: string): void {
  const inputs = to.get(kind) ?? new Set();
  to.set(kind, inputs.add(input));
}

function counted(results: number): string {
  return results === 1 ? '1 result' : `${results} results`;
}
