import { existsSync } from 'node:fs';
import { judgedByTexts } from '../reports/judged-by-texts.ts';
import { claimRunDirectory } from '../reports/record/run-directory.ts';
import { runsSideBySide } from '../reports/side-by-side.ts';
import { writeMergedRun } from '../reports/write-merged-run.ts';
import { counted } from './counted.ts';
import type { ReportOptions } from './report-options.ts';
import { reportPaths, reportWriter } from './reporters.ts';
import { checkOut } from './run-request.ts';
import { complain, print } from './terminal.ts';
import { textsOf } from './text-option.ts';
import { UsageError } from './usage-error.ts';

/** `report`: one report of the runs in these directories. @throws UsageError, RecordError */
export async function reportTogether(
  directories: readonly string[],
  { out, reporter, text }: ReportOptions,
): Promise<void> {
  for (const directory of directories) {
    if (!existsSync(directory)) throw new UsageError(`${directory}: no such directory`);
  }
  const root = checkOut(out);
  const recorded = runsSideBySide(directories);
  const texts = textsOf(text, recorded.catalogue.sources ?? []);
  const run = texts.length === 0 ? recorded : judgedByTexts(recorded, texts);
  const writeReports = await reportWriter(reporter);
  claimRunDirectory(root, (staging) => {
    writeMergedRun(run, staging);
    writeReports([staging.root], staging.root);
  });
  for (const remark of run.remarks) complain(remark);
  for (const path of reportPaths(root, reporter)) print(`Report: ${path}`);
  const missing = run.missing.length;
  if (missing > 0) print(`${counted(missing, 'planned result')} not run`);
}
