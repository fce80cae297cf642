import type { TargetOptions } from '../target-argument.ts';

/** Options of `fuzz`. */
export interface FuzzOptions extends TargetOptions {
  readonly time?: number;
  readonly runs?: number;
  readonly seed: number;
  readonly corpus?: string;
  readonly seeds: boolean;
  readonly out?: string;
  readonly smoke: boolean;
}

/** Options of `replay`. */
export interface ReplayOptions extends TargetOptions {
  readonly show: boolean;
  readonly repeat: number;
}

/** What `--smoke` takes. */
export const smokeSeconds = 30;
