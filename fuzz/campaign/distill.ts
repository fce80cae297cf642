import { bucketOf } from '../executor/bucket.ts';
import type { Examiner } from '../executor/examiner.ts';
import type { Program } from '../program/program.ts';
import { resolved } from '../program/references.ts';
import { signalsOf } from './signals.ts';

/** Signals that do not come with each of so many runs are not counted. */
const stabilityRuns = 3;

export interface Distilled {
  readonly kept: readonly Program[];
  readonly signals: number;
  /** Buckets of the programs that showed a finding, which no corpus holds. */
  readonly buckets: readonly string[];
  /** The IUT could not be brought back. */
  readonly isLost: boolean;
}

/**
 * The programs that are enough to reach what all of them reach.
 * @param step called ahead of each program.
 */
export function distilled(examiner: Examiner, programs: readonly Program[], step: () => void): Distilled {
  const reached: { readonly program: Program; readonly cost: number; readonly signals: ReadonlySet<number> }[] = [];
  const buckets: string[] = [];
  const ended = (isLost: boolean): Distilled => {
    const kept = cover(reached).map(({ program }) => program);
    return { kept, signals: new Set(reached.flatMap(({ signals }) => [...signals])).size, buckets, isLost };
  };
  for (const program of programs) {
    step();
    const signals = stableSignals(examiner, program);
    if (typeof signals !== 'string') {
      reached.push({ program, cost: program.calls.length, signals });
      continue;
    }
    buckets.push(signals);
    if (!examiner.restart()) return ended(true);
  }
  return ended(false);
}

/** What each run of a program reaches, or the bucket that one shows. */
function stableSignals(examiner: Examiner, program: Program): ReadonlySet<number> | string {
  const whole = resolved(program);
  let stable: Set<number> | undefined;
  for (let run = 0; run < stabilityRuns; run++) {
    const finding = examiner.examine(whole);
    if (finding !== undefined) return bucketOf(finding, whole.calls[finding.place]);
    const signals = signalsOf(whole, examiner.outcomes, examiner.standings, examiner.edges.signals);
    stable = stable === undefined ? signals : new Set([...stable].filter((signal) => signals.has(signal)));
  }
  return stable ?? new Set();
}

/** What reaches something, at a cost. */
interface Reaching {
  readonly cost: number;
  readonly signals: ReadonlySet<number>;
}

/**
 * Few and cheap items that reach all that the items reach, in their order: again and again the one that reaches most that
 * is missing, then without those that others make needless.
 */
export function cover<Item extends Reaching>(items: readonly Item[]): Item[] {
  const missing = new Set(items.flatMap(({ signals }) => [...signals]));
  const chosen: Item[] = [];
  const gain = ({ signals }: Item): number => [...signals].filter((signal) => missing.has(signal)).length;
  while (missing.size > 0) {
    const best = items.reduce((left, right) => {
      const [ofLeft, ofRight] = [gain(left), gain(right)];
      return ofRight > ofLeft || (ofRight === ofLeft && right.cost < left.cost) ? right : left;
    });
    chosen.push(best);
    for (const signal of best.signals) missing.delete(signal);
  }
  const needed = [...chosen];
  for (const item of chosen.toSorted((left, right) => right.cost - left.cost)) {
    const others = needed.filter((other) => other !== item);
    if ([...item.signals].every((signal) => others.some(({ signals }) => signals.has(signal)))) {
      needed.splice(needed.indexOf(item), 1);
    }
  }
  return items.filter((item) => needed.includes(item));
}
