import { bucketOf } from '../executor/bucket.ts';
import type { Examiner } from '../executor/examiner.ts';
import { type Finding, findingText } from '../executor/finding.ts';
import { printCall } from '../program/print-program.ts';
import type { Program } from '../program/program.ts';
import { outcomeText } from './outcome-text.ts';

export interface ReplayOptions {
  /** How often it is run, each time on a process that has run nothing before. */
  readonly repeat: number;
  /** Resolved programs that run before it on the same process. */
  readonly before: readonly Program[];
  /** Told of each line about the first run. */
  readonly say: (line: string) => void;
  /** Called ahead of each run, which may take its time. */
  readonly step: () => void;
}

/** What runs of one program showed. */
export interface Replayed {
  readonly runs: number;
  /** By bucket: how many runs showed it. */
  readonly buckets: ReadonlyMap<string, number>;
  /** What the last run showed that showed anything. */
  readonly last: Finding | undefined;
  /** The IUT could not be brought back behind a run. */
  readonly isLost: boolean;
}

/** Runs a resolved program on a fresh IUT, as often as told, and says what came of each call. */
export function replay(examiner: Examiner, program: Program, { repeat, before, say, step }: ReplayOptions): Replayed {
  const buckets = new Map<string, number>();
  let last: Finding | undefined;
  const count = (finding: Finding, { calls }: Program): void => {
    last = finding;
    const bucket = bucketOf(finding, calls[finding.place]);
    buckets.set(bucket, (buckets.get(bucket) ?? 0) + 1);
  };
  for (let run = 0; run < repeat; run++) {
    step();
    if (run > 0 && !examiner.restart()) return { runs: run, buckets, last, isLost: true };
    const early = firstShown(examiner, before);
    if (early !== undefined) {
      if (run === 0) say(`a program before it: ${early.finding.kind}: ${findingText(early.finding)}`);
      count(early.finding, early.program);
      continue;
    }
    const seen = examiner.examine(program);
    if (run === 0) describe(examiner, program, seen, say);
    const finding = seen ?? examiner.leakOf(program);
    if (run === 0 && seen === undefined && finding !== undefined) say(`${finding.kind}: ${findingText(finding)}`);
    if (finding !== undefined) count(finding, program);
  }
  return { runs: repeat, buckets, last, isLost: false };
}

/** The first finding of programs that run one after another. */
function firstShown(
  examiner: Examiner,
  programs: readonly Program[],
): { readonly finding: Finding; readonly program: Program } | undefined {
  for (const program of programs) {
    const finding = examiner.examine(program);
    if (finding !== undefined) return { finding, program };
  }
  return undefined;
}

function describe(
  examiner: Examiner,
  { calls }: Program,
  finding: Finding | undefined,
  say: (line: string) => void,
): void {
  const { outcomes } = examiner;
  for (const [place, call] of calls.entries()) {
    const outcome = place < outcomes.count ? outcomeText(outcomes, place) : 'not reached';
    say(`${printCall(call)}\n    ${outcome}`);
    if (finding?.place === place) say(`    ${finding.kind}: ${findingText(finding)}`);
  }
}
