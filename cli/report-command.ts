import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { judgedByTexts } from '../reports/judged-by-texts.ts';
import { claimRunDirectory } from '../reports/record/run-directory.ts';
import { runsSideBySide } from '../reports/side-by-side.ts';
import { writeMergedRun } from '../reports/write-merged-run.ts';
import { counted } from './counted.ts';
import { type ReporterName, reporterNames, reportersOf, reportPaths, writeReports } from './reporters.ts';
import { checkOut } from './run-request.ts';
import { complain, print } from './terminal.ts';
import { textsOf } from './text-option.ts';
import { UsageError } from './usage-error.ts';

interface ReportOptions {
  readonly out: string;
  readonly reporter: readonly ReporterName[];
  readonly text: readonly string[];
}

export function addReportCommand(command: Command): void {
  command
    .argument('<dir...>', 'directories of runs, or of all shards of a run')
    .requiredOption('--out <dir>', 'directory for the merged records and their reports')
    .option('--reporter <names>', `reports to write: ${reporterNames.join(',')}`, reportersOf, ['html'])
    .option(
      '--text <version>',
      'judge by this version of a text, or by the newest (several allowed; default: as each run was)',
      (value: string, before: readonly string[]) => [...before, value],
      [],
    )
    .action((directories: string[], { out, reporter, text }: ReportOptions) => {
      for (const directory of directories) {
        if (!existsSync(directory)) throw new UsageError(`${directory}: no such directory`);
      }
      const root = checkOut(out);
      const recorded = runsSideBySide(directories);
      const texts = textsOf(text, recorded.catalogue.sources ?? []);
      const run = texts.length === 0 ? recorded : judgedByTexts(recorded, texts);
      claimRunDirectory(root, (staging) => {
        writeMergedRun(run, staging);
        writeReports([staging.root], staging.root, reporter);
      });
      for (const remark of run.remarks) complain(remark);
      for (const path of reportPaths(root, reporter)) print(`Report: ${path}`);
      const missing = run.missing.length;
      if (missing > 0) print(`${counted(missing, 'planned result')} not run`);
    });
}
