/** A piece of code, by where it begins and ends in its file. */
export interface Extent {
  readonly start: number;
  readonly end: number;
}

export const extentOf = ({ start, end }: Extent): string => `${start}-${end}`;
