/** A piece of code, by where it begins and ends in its file. */
export interface Extent {
  readonly start: number;
  readonly end: number;
}

export const extentOf = ({ start, end }: Extent): string => `${start}-${end}`;

/** Whether one extent lies in another, or is it. */
export const isWithin = (inner: Extent, outer: Extent): boolean => outer.start <= inner.start && inner.end <= outer.end;
