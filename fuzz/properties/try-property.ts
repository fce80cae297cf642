import fc from 'fast-check';
import { isModelled } from '../arbitraries/requests.ts';
import type { Program } from '../program/program.ts';
import { type PropertyName, type PropertyTarget, trialsOf } from './properties.ts';

export interface TrialLimits {
  readonly seed: number;
  readonly runs: number;
  /** What all runs may take; no end without it. */
  readonly timeMs?: number;
  /** Called ahead of each run. */
  readonly step: () => void;
}

/** What came of a property. */
export type Tried =
  | { readonly kind: 'held'; readonly runs: number }
  | { readonly kind: 'not-applicable'; readonly missing: string }
  | {
      readonly kind: 'broken';
      readonly how: string;
      /** The smallest programs that break it. */
      readonly programs: readonly Program[];
      readonly runs: number;
      readonly shrinks: number;
    };

/** Tries a property until it is broken, and then makes what breaks it smaller. The same seed draws the same programs. */
export function tryProperty(
  name: PropertyName,
  target: PropertyTarget,
  other: PropertyTarget | undefined,
  { seed, runs, timeMs, step }: TrialLimits,
): Tried {
  const { device } = target.port.facts;
  if (!isModelled(device)) return { kind: 'not-applicable', missing: 'requests that are modelled' };
  const trials = trialsOf(name, target, device, other);
  if ('missing' in trials) return { kind: 'not-applicable', missing: trials.missing };
  const run = fc.check(
    fc.property(trials, (trial) => {
      step();
      const broken = trial.check();
      if (broken !== undefined) throw new Error(broken);
    }),
    { seed, numRuns: runs, ...(timeMs === undefined ? {} : { interruptAfterTimeLimit: timeMs }) },
  );
  const [trial] = run.counterexample ?? [];
  if (trial === undefined) return { kind: 'held', runs: run.numRuns };
  const { errorInstance } = run;
  return {
    kind: 'broken',
    how: errorInstance instanceof Error ? errorInstance.message : String(errorInstance),
    programs: trial.programs,
    runs: run.numRuns,
    shrinks: run.numShrinks,
  };
}
