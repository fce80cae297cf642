/** The options of `compare` as they were typed. */
export interface CompareOptions {
  readonly out?: string;
  readonly save?: string;
  readonly json: boolean;
  readonly text: readonly string[];
}
