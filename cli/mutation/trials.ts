import type { Coverage } from './coverage.ts';
import type { Mutant } from './mutants.ts';
import type { MutationOutcome, MutationResult } from './mutation-result.ts';
import type { WorkerLine } from './worker-messages.ts';
import { runWorker } from './worker-run.ts';

/**
 * Mutants that one process tries after another. A mutant that shows while modules load has a process of its own; the
 * others share one, and share out evenly where they are few.
 */
export function inBatches(mutants: readonly Mutant[], coverage: Coverage, jobs: number): Mutant[][] {
  const alone = mutants.filter(({ id }) => coverage.isReachedAtLoad(id));
  const together = mutants.filter(({ id }) => !coverage.isReachedAtLoad(id));
  const size = Math.min(mostTogether, Math.ceil(together.length / (4 * jobs)));
  const batches = alone.map((mutant) => [mutant]);
  for (let from = 0; from < together.length; from += size) batches.push(together.slice(from, from + size));
  return batches;
}

const mostTogether = 25;

/** Tries mutants with the items that reach them, until one fails. Throws an Error where the worker itself fails. */
export async function tryMutants(
  root: string,
  mutants: readonly Mutant[],
  coverage: Coverage,
): Promise<MutationResult[]> {
  const trials = mutants.map((mutant) => ({ mutant: mutant.id, items: coverage.itemsOf(mutant) }));
  const outcomes = new Map<string, MutationOutcome>();
  for (const { mutant, items } of trials) if (items.length === 0) outcomes.set(mutant, { kind: 'not-reached' });
  const threw = new Map<string, { item: string; what: string }[]>(mutants.map(({ id }) => [id, []]));
  let spoilt: string | undefined;
  for (;;) {
    const left = trials.filter(({ mutant }) => !outcomes.has(mutant));
    const [first] = left;
    if (first === undefined) break;
    let trying = { mutant: first.mutant, item: first.items[0] ?? '' };
    let hasBegun = false;
    const wasSpoilt = spoilt;
    const hear = (line: WorkerLine): void => {
      switch (line.kind) {
        case 'trying':
          trying = line;
          hasBegun = true;
          break;
        case 'killed':
          outcomes.set(line.mutant, { kind: 'killed', by: line.by, item: line.item, what: line.what });
          break;
        case 'threw':
          threw.get(line.mutant)?.push({ item: line.item, what: line.what });
          break;
        case 'survived':
          outcomes.set(line.mutant, { kind: 'survived', tried: line.tried });
          break;
        case 'spoilt':
          spoilt = line.mutant;
          break;
        case 'loaded':
        case 'opened':
        case 'ran':
          break;
      }
    };
    const isAlone = coverage.isReachedAtLoad(first.mutant);
    const end = await runWorker(root, { kind: 'try', trials: left }, hear, isAlone ? first.mutant : undefined);
    switch (end.kind) {
      // Both sides of the reference share a thread: where the device does not return, its case cannot say so.
      case 'silent':
        outcomes.set(trying.mutant, { kind: 'killed', by: 'hang', item: trying.item, what: 'the case did not end' });
        break;
      // The module does not even load with it, or it ends the process.
      case 'failed':
        if (!isAlone && !hasBegun) throw new Error(end.why);
        if (outcomes.has(trying.mutant)) throw new Error(`behind ${trying.item}: ${end.why}`);
        outcomes.set(trying.mutant, { kind: 'killed', by: 'crash', item: trying.item, what: end.why });
        break;
      case 'done':
        if (spoilt !== wasSpoilt || left.every(({ mutant }) => outcomes.has(mutant))) break;
        throw new Error(
          `the worker ended without a result of mutant ${trying.mutant}${spoilt === undefined ? '' : ', spoilt'}`,
        );
    }
  }
  return mutants.map((mutant) => ({
    mutant,
    outcome: outcomes.get(mutant.id) ?? { kind: 'not-reached' },
    threw: threw.get(mutant.id) ?? [],
  }));
}
