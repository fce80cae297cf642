import { createHash } from 'node:crypto';
import { z } from 'zod';
import { readJson } from './catalogue-snapshot.ts';
import { RecordError } from './record-error.ts';
import { reasonOf } from './record-writer.ts';
import { replaceRunFile } from './run-file.ts';

/** One result that a run owes: a case with its variant (`caseKey`) on a target. */
const plannedResult = z.object({
  target: z.string(),
  key: z.string(),
  repetition: z.number().int().nonnegative(),
});
export type PlannedResult = z.infer<typeof plannedResult>;

/** `plan.json` of a run directory: what all shards together owe. Each shard holds the whole of it. */
export const runPlan = z.object({ planHash: z.string(), results: z.array(plannedResult) });
export type RunPlan = z.infer<typeof runPlan>;

/** sha-256 over the planned results in their order, in hex: equal for all shards of one plan. */
export function planHashOf(results: readonly PlannedResult[]): string {
  const hash = createHash('sha256');
  for (const { target, key, repetition } of results) hash.update(JSON.stringify([target, key, repetition]));
  return hash.digest('hex');
}

/** Identifies a result within a run. */
export function resultId({ target, key, repetition }: PlannedResult): string {
  return JSON.stringify([target, key, repetition]);
}

export function writeRunPlan(path: string, results: readonly PlannedResult[]): RunPlan {
  const plan = { planHash: planHashOf(results), results: [...results] };
  try {
    replaceRunFile(path, `${JSON.stringify(plan)}\n`);
  } catch (cause) {
    throw new RecordError(path, `cannot be written (${reasonOf(cause)})`, { cause });
  }
  return plan;
}

/** @throws RecordError with one line where the file is missing or no plan. */
export function readRunPlan(path: string): RunPlan {
  return readJson(path, runPlan, 'plan');
}
