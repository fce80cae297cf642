import type { RequirementSlug } from '../../catalogue/catalogue.ts';
import type { Breach, Judgement } from './judgement.ts';

/** How often the situation of a requirement was seen, and how it was broken. */
export interface Sightings {
  readonly kept: number;
  readonly broken: number;
  /** The first ones, no two alike. */
  readonly breaches: readonly Breach[];
}

const mostBreaches = 8;

interface Tally {
  kept: number;
  broken: number;
  readonly breaches: Breach[];
}

const same = (one: Breach, other: Breach): boolean =>
  one.what === other.what && one.expected === other.expected && one.actual === other.actual;

/** All that was seen of those who used the device, by requirement. A situation that was not seen has no entry. */
export class Observations {
  readonly #tallies = new Map<RequirementSlug, Tally>();
  readonly #breached: (requirement: RequirementSlug, breach: Breach) => void;

  /** @param breached told of each breach that is unlike the earlier ones of its requirement. */
  constructor(breached: (requirement: RequirementSlug, breach: Breach) => void = () => {}) {
    this.#breached = breached;
  }

  readonly tell = (requirement: RequirementSlug, judgement: Judgement): void => {
    if (judgement === undefined) return;
    let tally = this.#tallies.get(requirement);
    if (tally === undefined) {
      tally = { kept: 0, broken: 0, breaches: [] };
      this.#tallies.set(requirement, tally);
    }
    if (judgement === 'kept') {
      tally.kept++;
      return;
    }
    tally.broken++;
    if (tally.breaches.length === mostBreaches || tally.breaches.some((one) => same(one, judgement))) return;
    tally.breaches.push(judgement);
    this.#breached(requirement, judgement);
  };

  of(requirement: RequirementSlug): Sightings | undefined {
    return this.#tallies.get(requirement);
  }

  get requirements(): readonly RequirementSlug[] {
    return [...this.#tallies.keys()];
  }
}
