import { existsSync } from 'node:fs';
import { judgedByTexts } from '../reports/judged-by-texts.ts';
import type { MergedRun } from '../reports/merge-runs.ts';
import {
  holdsCampaigns,
  isCampaignDirectory,
  readCampaign,
  readCampaignsOf,
  writeCampaignsOf,
} from '../reports/record/campaign-directory.ts';
import type { CampaignRecord } from '../reports/record/campaign-record.ts';
import { claimRunDirectory, makeDirectory, runDirectory } from '../reports/record/run-directory.ts';
import { runsSideBySide } from '../reports/side-by-side.ts';
import { writeMergedRun } from '../reports/write-merged-run.ts';
import { type Expectation, type ExpectationRules, readExpectations } from '../suites/runner/expectations.ts';
import { writeCampaignReport } from './campaign-report.ts';
import { counted } from './counted.ts';
import type { ReportOptions } from './report-options.ts';
import { reportPaths, reportWriter } from './reporters.ts';
import { checkOut } from './run-request.ts';
import { summaryOf } from './run-summary.ts';
import { complain, print } from './terminal.ts';
import { textsOf } from './text-option.ts';
import { UsageError } from './usage-error.ts';

/** `report`: one report of the runs and campaigns in these directories. Returns the exit code. @throws UsageError, RecordError */
export async function reportTogether(directories: readonly string[], options: ReportOptions): Promise<number> {
  for (const directory of directories) {
    if (!existsSync(directory)) throw new UsageError(`${directory}: no such directory`);
  }
  const root = checkOut(options.out);
  const campaigns = directories.flatMap((directory) =>
    isCampaignDirectory(directory) ? [readCampaign(directory)] : readCampaignsOf(directory),
  );
  const runs = directories.filter((directory) => !isOfCampaignsAlone(directory));
  if (runs.length > 0) return await reportRuns(root, runs, campaigns, options);
  await reportCampaigns(root, campaigns, options);
  return 0;
}

/** A directory of a campaign, or a report of campaigns without a run. */
const isOfCampaignsAlone = (directory: string): boolean =>
  isCampaignDirectory(directory) || (holdsCampaigns(directory) && !existsSync(runDirectory(directory).results));

async function reportRuns(
  root: string,
  directories: readonly string[],
  campaigns: readonly CampaignRecord[],
  options: ReportOptions,
): Promise<number> {
  const { reporter, text } = options;
  const recorded = runsSideBySide(directories);
  const texts = textsOf(text, recorded.catalogue.sources ?? []);
  const run = texts.length === 0 ? recorded : judgedByTexts(recorded, texts);
  const writeReports = await reportWriter(reporter);
  const expectations = options.expect.flatMap(readExpectations);
  claimRunDirectory(root, (staging) => {
    writeMergedRun(run, staging);
    if (campaigns.length > 0) writeCampaignsOf(staging.root, campaigns);
    writeReports([staging.root], staging.root);
  });
  for (const remark of run.remarks) complain(remark);
  const paths = reportPaths(root, reporter);
  if (options.check) return checked(run, expectations, paths);
  for (const path of paths) print(`Report: ${path}`);
  const missing = run.missing.length;
  if (missing > 0) print(`${counted(missing, 'planned result')} not run`);
  return 0;
}

/** Judges all as the end of one run would: shards that ended with findings are no failure of their own. */
function checked(run: MergedRun, expectations: readonly Expectation[], paths: readonly string[]): number {
  const { ended, texts } = run.facts;
  const rules: ExpectationRules = {
    expectations,
    today: new Date().toISOString().slice(0, 10),
    strictTargets: [],
    texts,
  };
  const summary = summaryOf(
    run.results.map(({ record }) => record),
    rules,
    {
      problems: ended === 'completed' ? [] : [`a part of the run was ${ended}`],
      givenUp: [],
      missing: run.missing.length,
      paths,
      resume: 'run the shards that owe them again',
    },
  );
  print(summary.text);
  return summary.exitCode;
}

async function reportCampaigns(
  root: string,
  campaigns: readonly CampaignRecord[],
  { reporter, text }: ReportOptions,
): Promise<void> {
  const other = reporter.find((name) => name !== 'html');
  if (other !== undefined) throw new UsageError(`--reporter ${other}: shows no campaigns, name html`);
  if (text.length > 0) throw new UsageError('--text: campaigns are not judged by a version of a text');
  makeDirectory(root);
  writeCampaignsOf(root, campaigns);
  print(`Report: ${await writeCampaignReport(root, campaigns)}`);
}
