/** A row of a list: as data, and as a line. */
export interface ListedRow {
  readonly data: object;
  readonly text: string;
}
