import type { Outcome } from '../reports/record/record.ts';

/** What is shown during a run. */
export interface Progress {
  /** A target serves, or one of several instances of it. */
  target(name: string, results: number, instance: number | undefined): void;
  begin(key: string, instance: number | undefined): void;
  /** An instance, or the only one, has nothing more to do. */
  leave(instance: number | undefined): void;
  finished(target: string, verdict: Outcome): void;
  /** A line that stays. */
  say(line: string): void;
  stop(): void;
}

/** What shows the progress of a run whose targets owe so many results each. */
export type MakeProgress = (totals: ReadonlyMap<string, number>) => Progress;
