import { availableBits } from '../../../reference-impl/virtqueue/packed/layout.ts';
import type { Segment } from '../../../reference-impl/virtqueue/segment.ts';

export const NEXT = 1;
export const WRITE = 2;
export const INDIRECT = 4;

/** Flags of the available descriptor of segment `at` of a list, in the lap of that descriptor. */
export function listFlags(segments: readonly Segment[], at: number, wrap: 0 | 1): number {
  const next = at < segments.length - 1 ? NEXT : 0;
  const write = segments[at]?.writable === true ? WRITE : 0;
  return next | write | availableBits(wrap);
}
