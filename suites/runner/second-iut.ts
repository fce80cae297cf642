import type { KnownTarget } from './applicability.ts';
import type { SecondIut } from './case-run.ts';
import type { SecondIutSource } from './slice.ts';

/** The second IUT of cases that need two: it is open while they run. */
export class SecondIutSlot {
  readonly #source: SecondIutSource | undefined;
  #iut: SecondIut | undefined;
  /** Why it does not serve, once it was tried twice. */
  #noIut: { readonly why: string } | undefined;
  #wasTried = false;

  constructor(source: SecondIutSource | undefined) {
    this.#source = source;
  }

  /** Undefined where it is not open. */
  get iut(): SecondIut | undefined {
    return this.#iut;
  }

  get known(): KnownTarget | undefined {
    return this.#iut === undefined ? undefined : { facts: this.#iut.port.facts, offer: this.#iut.offer };
  }

  /** The one that is open, or a new one, or why there is none; undefined where the target has none. */
  open(): SecondIut | { readonly why: string } | undefined {
    const opened = this.#iut ?? this.#noIut ?? this.#source?.open();
    if (opened === undefined) return undefined;
    if ('why' in opened) {
      // A second try is for chance; each takes as long as a start may take.
      if (this.#wasTried) this.#noIut = opened;
      this.#wasTried = true;
    } else this.#iut = opened;
    return opened;
  }

  close(): void {
    this.#iut = undefined;
    this.#source?.close();
  }
}
