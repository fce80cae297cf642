import { join } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { didYouMean } from '../drivers/near-matches.ts';
import { type MergedRun, mergeRuns } from '../reports/merge-runs.ts';
import { RecordError } from '../reports/record/record-error.ts';
import { reasonOf } from '../reports/record/record-writer.ts';
import { replaceRunFile } from '../reports/record/run-file.ts';
import { htmlReport } from '../reports/reporters/html.ts';
import { jsonReport } from '../reports/reporters/json.ts';
import { junitReport } from '../reports/reporters/junit.ts';
import { ktapReport } from '../reports/reporters/ktap.ts';
import { tapReport } from '../reports/reporters/tap.ts';

export const reporterNames = ['html', 'junit', 'ktap', 'tap', 'json'] as const;
export type ReporterName = (typeof reporterNames)[number];

interface Reporter {
  readonly file: string;
  readonly render: (run: MergedRun) => string;
}

const reporters: Readonly<Record<ReporterName, Reporter>> = {
  html: { file: 'report.html', render: htmlReport },
  junit: { file: 'report.junit.xml', render: junitReport },
  ktap: { file: 'report.ktap', render: ktapReport },
  tap: { file: 'report.tap', render: tapReport },
  json: { file: 'report.json', render: jsonReport },
};

/**
 * Writes reports of the records in `roots` into a directory and returns their paths.
 * @throws RecordError where the records cannot be read or a report cannot be written; no half report stays.
 */
export function writeReports(roots: readonly string[], into: string, names: readonly ReporterName[]): string[] {
  const run = mergeRuns(roots);
  return names.map((name) => {
    const { file, render } = reporters[name];
    const path = join(into, file);
    const text = render(run);
    try {
      replaceRunFile(path, text);
    } catch (cause) {
      throw new RecordError(path, `cannot be written (${reasonOf(cause)})`, { cause });
    }
    return path;
  });
}

/** Where the reports of a run in a directory lie. */
export function reportPaths(root: string, names: readonly ReporterName[]): string[] {
  return names.map((name) => join(root, reporters[name].file));
}

/** `html,junit` as typed. @throws InvalidArgumentError for a name that is none. */
export function reportersOf(text: string): ReporterName[] {
  return text.split(',').map((name) => {
    const known = reporterNames.find((one) => one === name);
    if (known !== undefined) return known;
    throw new InvalidArgumentError(`${name} is not a reporter${didYouMean(name, reporterNames)}.`);
  });
}
