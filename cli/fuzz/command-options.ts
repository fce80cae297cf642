import type { TargetOptions } from '../target-argument.ts';

/** Options of `fuzz`. */
export interface FuzzOptions extends TargetOptions {
  readonly time?: number;
  readonly runs?: number;
  readonly jobs: number;
  readonly seed: number;
  readonly corpus?: string;
  readonly seeds: boolean;
  readonly out?: string;
  readonly smoke: boolean;
  readonly expect?: string;
  readonly distill?: string;
  readonly properties: boolean;
  readonly differential?: string;
  readonly queue?: string;
  readonly sliceRuns: number;
  readonly allowRemoteQueue: boolean;
}

/** Options of `fuzz-worker`. */
export interface FuzzWorkerOptions extends TargetOptions {
  readonly queue: string;
  readonly allowRemoteQueue: boolean;
  readonly jobs: number;
  readonly lostAfter: number;
}

/** Options of `replay`. */
export interface ReplayOptions extends TargetOptions {
  readonly show: boolean;
  readonly repeat: number;
  readonly before: readonly string[];
  readonly bisect: boolean;
  readonly c?: string;
  readonly bucket?: string;
}

/** Options of `minimize`. */
export interface MinimizeOptions extends TargetOptions {
  readonly time: number;
  readonly out?: string;
}

/** What a command with `--smoke` takes from its start to its end. */
export const smokeSeconds = 30;
