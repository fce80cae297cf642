import type { DriverRing } from '../../reference-impl/virtqueue/driver-ring.ts';
import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import { SplitDriver } from '../../reference-impl/virtqueue/split/driver-ring.ts';
import type { CallOf } from '../program/program.ts';

/** Adds a chain, unpublished. A packed ring has nothing in front of an indirect table. */
export function addChain(
  driver: DriverRing,
  segments: readonly Segment[],
  { direct, descending }: CallOf<'chain'>,
): number | 'ring-full' {
  if (!(driver instanceof SplitDriver)) return driver.add(segments, direct === undefined ? {} : { indirect: 'all' });
  return driver.add(segments, {
    ...(direct === undefined ? {} : { indirect: direct === 0 ? 'all' : direct }),
    ...(descending ? { order: 'descending' } : {}),
  });
}
