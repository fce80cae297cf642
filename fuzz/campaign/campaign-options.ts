import type { Finding } from '../executor/finding.ts';
import type { Program } from '../program/program.ts';
import type { Bucket, ReplayWords } from './bucket-store.ts';

export interface CampaignOptions {
  readonly directory: string;
  /** Of several campaigns that share the directory, the name of this one. */
  readonly instance?: string;
  /** Of the corpus; `corpus` below the directory unless told. */
  readonly corpus?: string;
  /** Programs to begin with, where the corpus is empty. */
  readonly seeds: readonly Program[];
  /** Most programs are drawn, and few are mutants: for a target of which a model judges most. */
  readonly isMostlyDrawn?: boolean;
  /** A program does the same each time: what it reaches is not tried again. */
  readonly isRepeatable?: boolean;
  readonly seed: number;
  /** What all runs of this campaign may take together; no end for undefined. */
  readonly timeMs?: number;
  readonly runs?: number;
  /** All ends by this time of `nowMs`, triage as well. */
  readonly untilMs?: number;
  /** Asked of each finding whose bucket is not known; each is triaged without it. */
  readonly judge?: (whole: Program, finding: Finding) => 'triage' | 'pass-over' | 'end';
  readonly replayWords: ReplayWords;
  /** Runs the programs of a bucket on a process that is fresh, and prints what they did as C, where that can be. */
  readonly inC?: (bucket: Bucket) => string | undefined;
  nowMs(): number;
}

export interface CampaignProgress {
  readonly runs: number;
  readonly elapsedMs: number;
  /** Of the calls that were made, those that a model could judge. */
  readonly judgedCalls: number;
  readonly calls: number;
  readonly corpus: number;
  readonly signals: number;
  /** Edges of an instrumented IUT, each with a class of its count; 0 where it is not instrumented. */
  readonly edges: number;
  readonly buckets: number;
  /** Findings of buckets that were known. */
  readonly repeated: number;
  /** Findings that never came again. */
  readonly unconfirmed: number;
  readonly restarts: number;
}

export interface CampaignListener {
  progress(progress: CampaignProgress): void;
  found(bucket: Bucket): void;
  note(line: string): void;
  step(): void;
}
