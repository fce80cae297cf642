/** Told of every write of the driver to the memory of a Guest, right behind it. */
export interface WriteJournal {
  /** `length` bytes at `offset` of a region are as the driver wrote them. */
  wrote(region: number, offset: number, length: number): void;
  /** A view of these bytes was given away: what is written through it is not told. */
  viewed(region: number, offset: number, length: number): void;
}
