import type { ReporterName } from './reporter-names.ts';

/** The options of `report` as they were typed. */
export interface ReportOptions {
  readonly out: string;
  readonly reporter: readonly ReporterName[];
  readonly text: readonly string[];
}
