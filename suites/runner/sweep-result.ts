import type { OwnRestart } from '../../judging/attribution.ts';

/** A point that was run several times, which did not all end alike. */
export interface UnstablePoint {
  readonly key: string;
  /** Runs in which it failed, of all. */
  readonly failed: number;
  readonly of: number;
}

/** What the points of a sweep led to. */
export interface SweepResult {
  readonly count: number;
  readonly failed: string[];
  /** Points that were left out, and why. */
  readonly left?: { readonly points: readonly string[]; readonly why: string };
  /** Points that fail in some runs and not in others, or each time in another way. */
  readonly unstable?: readonly UnstablePoint[];
  /** The sweep replaced a process that had crashed; points ran on the present one, or nothing but liveness. */
  readonly restarted?: OwnRestart;
  /** A point crashed a process on which no other case had run. */
  readonly crashRepeated?: true;
}

/** At most so many members, at even distances, the first among them. */
export function spread<T>(members: readonly T[], most = members.length): readonly T[] {
  if (members.length <= most) return members;
  return members.filter(
    (_, at) => Math.floor((at * most) / members.length) !== Math.floor(((at - 1) * most) / members.length),
  );
}
