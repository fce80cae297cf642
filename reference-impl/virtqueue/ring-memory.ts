import { DriverUsageError } from '../errors.ts';
import { type RingArea, ringAreas } from './ring.ts';

/** Called after one store to ring memory: `length` bytes, `offset` bytes into the area. */
export type RingWrite = (area: RingArea, offset: number, length: number) => void;

export type AreaViews = Readonly<Record<RingArea, Uint8Array>>;

/** Throws DriverUsageError where a view is too short, or not aligned in this process as its layout requires. */
export function requireAreas(
  views: AreaViews,
  sizes: Readonly<Record<RingArea, number>>,
  alignment: Readonly<Record<RingArea, number>>,
): void {
  for (const area of ringAreas) {
    const { byteOffset, length } = views[area];
    if (length < sizes[area]) throw new DriverUsageError(`${area} area needs ${sizes[area]} bytes and has ${length}`);
    if (byteOffset % alignment[area] !== 0) throw new DriverUsageError(`${area} area is at ${byteOffset}`);
  }
}
