import { FaultCases } from './fault-cases.ts';
import { itemsByWorth } from './item-order.ts';
import { type Mutant, neighboursOf } from './mutants.ts';
import type { TrialExtent } from './trial-extent.ts';
import type { RanItem, WorkerLine } from './worker-messages.ts';
import { runWorker } from './worker-run.ts';

/** What the cases reach without a mutant. */
export interface Coverage {
  /** How many items pass on the reference as it is. */
  readonly passing: number;
  /** Items that do not pass on the reference: they can show nothing. */
  readonly notPassing: readonly RanItem[];
  /** Whether a mutant is executed while modules load. */
  isReachedAtLoad(mutant: string): boolean;
  /** Of a mutant, the items that are worth a trial, the most telling first. */
  itemsOf(mutant: Mutant): string[];
}

/**
 * Runs every item in `jobs` processes. `near` are all mutants, of which those beside a wanted one are asked about too.
 * `ran` is told of each item. Throws an Error where a process fails.
 */
export async function coverageOf(
  root: string,
  wanted: readonly Mutant[],
  near: readonly Mutant[],
  jobs: number,
  extent: TrialExtent,
  ran: () => void,
): Promise<Coverage> {
  const neighbours = neighboursOf(wanted, near);
  const mutants = [...new Set([...neighbours.values()].flatMap(({ sameLine, around }) => [...sameLine, ...around]))];
  const passing: RanItem[] = [];
  const notPassing: RanItem[] = [];
  const everywhere = new Set<string>();
  const byPlace = new Map<string, Set<string>>();
  const { places, firstVariants } = extent;
  const hear = (line: WorkerLine): void => {
    switch (line.kind) {
      case 'loaded':
        for (const id of line.mutants) everywhere.add(id);
        break;
      case 'opened':
        byPlace.set(line.place, new Set(line.mutants));
        break;
      case 'ran':
        (line.verdict === 'pass' ? passing : notPassing).push(line);
        ran();
        break;
      case 'trying':
      case 'killed':
      case 'threw':
      case 'survived':
      case 'spoilt':
        break;
    }
  };
  await eachOf(places, jobs, async (place) => {
    const end = await runWorker(root, { kind: 'cover', places: [place], firstVariants, mutants }, hear);
    if (end.kind !== 'done') {
      throw new Error(`${place}: ${end.kind === 'failed' ? end.why : 'it said nothing for too long'}`);
    }
  });
  const reaching = new Map<string, RanItem[]>();
  for (const one of passing) {
    for (const id of one.mutants) {
      const items = reaching.get(id);
      if (items === undefined) reaching.set(id, [one]);
      else items.push(one);
    }
  }
  const faultCases = new FaultCases(root);
  return {
    passing: passing.length,
    notPassing,
    isReachedAtLoad: (mutant) => everywhere.has(mutant),
    itemsOf: (mutant) => {
      const { id } = mutant;
      const atOpening = places.filter((place) => everywhere.has(id) || byPlace.get(place)?.has(id) === true);
      const inPlaces = passing.filter(({ item }) => atOpening.some((place) => item.startsWith(`${place} `)));
      const items = new Set([...inPlaces, ...(reaching.get(id) ?? [])]);
      const beside = neighbours.get(id) ?? { sameLine: [], around: [] };
      return itemsByWorth([...items], beside, reaching, extent, faultCases.of(mutant));
    },
  };
}

/** Does the work for each value, `jobs` at a time. */
export async function eachOf<T>(values: readonly T[], jobs: number, work: (value: T) => Promise<void>): Promise<void> {
  const waiting = [...values];
  const take = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await work(next);
  };
  await Promise.all(Array.from({ length: Math.min(jobs, values.length) }, take));
}
