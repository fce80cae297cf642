import type { Coverage } from './coverage.ts';
import type { Mutant } from './mutants.ts';
import type { MutationOutcome, MutationResult } from './mutation-result.ts';
import type { WorkerLine } from './worker-messages.ts';
import { runWorker } from './worker-run.ts';

/**
 * Items tried on one mutant. Those behind them are more variants of the same cases, and take most of the time of a mutant
 * that lives on.
 */
const mostItems = 1500;

/** Tries a mutant with the items that reach it, until one fails. Throws an Error where the worker itself fails. */
export async function tryMutant(root: string, mutant: Mutant, coverage: Coverage): Promise<MutationResult> {
  const items = coverage.itemsOf(mutant.id).slice(0, mostItems);
  if (items.length === 0) return { mutant, outcome: { kind: 'not-reached' }, threw: [] };
  const threw: { item: string; what: string }[] = [];
  let outcome: MutationOutcome | undefined;
  let trying = items[0] ?? '';
  const hear = (line: WorkerLine): void => {
    switch (line.kind) {
      case 'trying':
        trying = line.item;
        break;
      case 'killed':
        outcome = { kind: 'killed', by: line.by, item: line.item, what: line.what };
        break;
      case 'threw':
        threw.push({ item: line.item, what: line.what });
        break;
      case 'survived':
        outcome = { kind: 'survived', tried: line.tried };
        break;
      case 'loaded':
      case 'opened':
      case 'ran':
        break;
    }
  };
  const end = await runWorker(root, { kind: 'try', items }, hear, mutant.id);
  if (outcome !== undefined) return { mutant, outcome, threw };
  switch (end.kind) {
    // Both sides of the reference share a thread: where the device does not return, its case cannot say so.
    case 'silent':
      return { mutant, outcome: { kind: 'killed', by: 'hang', item: trying, what: 'the case did not end' }, threw };
    // The module does not even load with it, or it ends the process.
    case 'failed':
      return { mutant, outcome: { kind: 'killed', by: 'crash', item: trying, what: end.why }, threw };
    case 'done':
      throw new Error(`the worker of ${mutant.file}:${mutant.line} ended without a result`);
  }
}
