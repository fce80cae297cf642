import { trialPlaces } from './trial-items.ts';
import type { WorkerLine } from './worker-messages.ts';
import { runWorker } from './worker-run.ts';

type Ran = Extract<WorkerLine, { kind: 'ran' }>;

/** What the cases reach without a mutant. */
export interface Coverage {
  /** Items of the reference as it is, those that pass; with what each one costs. */
  readonly passing: ReadonlyMap<string, Ran>;
  /** Items that do not pass on the reference: they can show nothing. */
  readonly notPassing: readonly Ran[];
  /** Of a mutant, the items that reach it, the cheapest first and a case's other variants last. */
  itemsOf(mutant: string): string[];
}

/** Runs every item in `jobs` processes. `ran` is told of each. Throws an Error where a process fails. */
export async function coverageOf(
  root: string,
  mutants: readonly string[],
  jobs: number,
  ran: () => void,
): Promise<Coverage> {
  const all: Ran[] = [];
  const everywhere = new Set<string>();
  const byPlace = new Map<string, Set<string>>();
  const places = trialPlaces.map(({ name }) => name);
  const hear = (line: WorkerLine): void => {
    switch (line.kind) {
      case 'loaded':
        for (const id of line.mutants) everywhere.add(id);
        break;
      case 'opened':
        byPlace.set(line.place, new Set(line.mutants));
        break;
      case 'ran':
        all.push(line);
        ran();
        break;
      case 'trying':
      case 'killed':
      case 'threw':
      case 'survived':
        break;
    }
  };
  await eachOf(places, jobs, async (place) => {
    const end = await runWorker(root, { kind: 'cover', places: [place], mutants }, hear);
    if (end.kind !== 'done')
      throw new Error(`${place}: ${end.kind === 'failed' ? end.why : 'it said nothing for a minute'}`);
  });
  const passing = new Map(all.filter(({ verdict }) => verdict === 'pass').map((one) => [one.item, one]));
  const reaching = new Map<string, Ran[]>();
  for (const one of passing.values()) {
    for (const id of one.mutants) reaching.set(id, [...(reaching.get(id) ?? []), one]);
  }
  return {
    passing,
    notPassing: all.filter(({ verdict }) => verdict !== 'pass'),
    itemsOf: (mutant) => {
      const atOpening = places.filter((place) => everywhere.has(mutant) || byPlace.get(place)?.has(mutant) === true);
      const inPlaces = [...passing.values()].filter(({ item }) =>
        atOpening.some((place) => item.startsWith(`${place} `)),
      );
      const items = new Set([...inPlaces, ...(reaching.get(mutant) ?? [])]);
      return [...items].sort((a, b) => a.rank - b.rank || a.durationMs - b.durationMs).map(({ item }) => item);
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
