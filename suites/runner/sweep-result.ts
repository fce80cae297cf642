import type { OwnRestart } from '../../judging/attribution.ts';

/** What the points of a sweep led to. */
export interface SweepResult {
  readonly count: number;
  readonly failed: string[];
  /** Points that were left out, and why. */
  readonly left?: { readonly points: number; readonly why: string };
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
