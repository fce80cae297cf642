import type { ReporterName } from './reporter-names.ts';

/** The options of `report` as they were typed. */
export interface ReportOptions {
  readonly out: string;
  readonly coverage: boolean;
  readonly reporter: readonly ReporterName[];
  readonly text: readonly string[];
  /** Exit as the run would have that all these are parts of. */
  readonly check: boolean;
  readonly expect: readonly string[];
}
