/** Addresses from `start` on. */
export interface Range {
  readonly start: bigint;
  readonly size: bigint;
  /** It may be read alone, or written alone. */
  readonly isLimited?: boolean;
}

export const endOf = ({ start, size }: Range): bigint => start + size;

export const overlaps = (one: Range, other: Range): boolean => one.start < endOf(other) && other.start < endOf(one);

export const contains = (outer: Range, inner: Range): boolean =>
  outer.start <= inner.start && endOf(inner) <= endOf(outer);
