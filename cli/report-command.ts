import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { mergeRuns } from '../reports/merge-runs.ts';
import { writeMergedRun } from '../reports/write-merged-run.ts';
import { type ReporterName, reporterNames, reportersOf, writeReports } from './reporters.ts';
import { checkOut } from './run-request.ts';
import { UsageError } from './usage-error.ts';

interface ReportOptions {
  readonly out: string;
  readonly reporter: readonly ReporterName[];
}

export function addReportCommand(command: Command): void {
  command
    .argument('<dir...>', 'directories of a run or of all its shards')
    .requiredOption('--out <dir>', 'directory for the merged records and their reports')
    .option('--reporter <names>', `reports to write: ${reporterNames.join(',')}`, reportersOf, ['html'])
    .action((directories: string[], { out, reporter }: ReportOptions) => {
      for (const directory of directories) {
        if (!existsSync(directory)) throw new UsageError(`${directory}: no such directory`);
      }
      const root = checkOut(out);
      const run = mergeRuns(directories);
      writeMergedRun(run, root);
      for (const path of writeReports([root], root, reporter)) process.stdout.write(`Report: ${path}\n`);
      if (run.missing.length > 0) process.stdout.write(`${run.missing.length} planned results were run by no shard\n`);
    });
}
