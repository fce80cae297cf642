import { type Renamed, type RunDifference, runDifference } from './run-difference.ts';
import type { RunOutline } from './run-outline.ts';

/** A run under the name by which the reader knows it: its directory or file. */
export interface NamedOutline {
  readonly name: string;
  readonly run: RunOutline;
}

export interface HistoryStep {
  readonly before: NamedOutline;
  readonly after: NamedOutline;
  readonly difference: RunDifference;
}

/** Each run beside the one before it. */
export function historySteps(runs: readonly NamedOutline[], renamed?: Renamed): HistoryStep[] {
  return runs.slice(1).flatMap((after, index) => {
    const before = runs[index];
    return before === undefined ? [] : [{ before, after, difference: runDifference(before.run, after.run, renamed) }];
  });
}

/** A result that was not the same in all runs. */
export interface HistoryRow {
  readonly target: string;
  readonly key: string;
  /** Its verdict in each run; undefined where it was not there. */
  readonly verdicts: readonly (string | undefined)[];
}

/** Results that changed in any step, those that changed in the last one first. */
export function historyRows(runs: readonly NamedOutline[], steps: readonly HistoryStep[]): HistoryRow[] {
  const byRun = runs.map(
    ({ run }) => new Map(run.results.map((result) => [idOf(result.target, result.key), result.verdict] as const)),
  );
  const ids = new Map<string, { target: string; key: string }>();
  for (const { difference } of [...steps].reverse()) {
    for (const { target, key } of difference.changes) ids.set(idOf(target, key), { target, key });
  }
  return [...ids].map(([id, { target, key }]) => ({
    target,
    key,
    verdicts: byRun.map((results) => results.get(id)),
  }));
}

const idOf = (target: string, key: string): string => JSON.stringify([target, key]);
