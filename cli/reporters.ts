import { join } from 'node:path';
import { type MergedRun, mergeRuns } from '../reports/merge-runs.ts';
import { readCampaignsOf } from '../reports/record/campaign-directory.ts';
import type { CampaignRecord } from '../reports/record/campaign-record.ts';
import { RecordError } from '../reports/record/record-error.ts';
import { reasonOf } from '../reports/record/record-writer.ts';
import { replaceRunFile } from '../reports/record/run-file.ts';
import type { ReporterName } from './reporter-names.ts';

interface Reporter {
  readonly file: string;
  /** Only what is asked for is loaded. */
  load(): Promise<(run: MergedRun, campaigns: readonly CampaignRecord[]) => string>;
}

const reporters: Readonly<Record<ReporterName, Reporter>> = {
  html: { file: 'report.html', load: async () => (await import('../reports/reporters/html.ts')).htmlReport },
  junit: { file: 'report.junit.xml', load: async () => (await import('../reports/reporters/junit.ts')).junitReport },
  ktap: { file: 'report.ktap', load: async () => (await import('../reports/reporters/ktap.ts')).ktapReport },
  tap: { file: 'report.tap', load: async () => (await import('../reports/reporters/tap.ts')).tapReport },
  github: { file: 'report.github', load: async () => (await import('./github-actions.ts')).githubActionsReport },
  json: { file: 'report.json', load: async () => (await import('../reports/reporters/json.ts')).jsonReport },
};

/** Writes reports of a run into a directory. */
export type ReportWriter = (roots: readonly string[], into: string) => string[];

/**
 * What writes these reports of the records in `roots` and returns their paths. It throws RecordError where the records
 * cannot be read or a report cannot be written; no half report stays.
 */
export async function reportWriter(names: readonly ReporterName[]): Promise<ReportWriter> {
  const loaded = await Promise.all(
    names.map(async (name) => ({ ...reporters[name], render: await reporters[name].load() })),
  );
  return (roots, into) => {
    const run = mergeRuns(roots);
    const campaigns = roots.flatMap(readCampaignsOf);
    return loaded.map(({ file, render }) => {
      const path = join(into, file);
      const text = render(run, campaigns);
      try {
        replaceRunFile(path, text);
      } catch (cause) {
        throw new RecordError(path, `cannot be written (${reasonOf(cause)})`, { cause });
      }
      return path;
    });
  };
}

/** Where the reports of a run in a directory lie. */
export function reportPaths(root: string, names: readonly ReporterName[]): string[] {
  return names.map((name) => join(root, reporters[name].file));
}
