import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { judgedByTexts } from '../reports/judged-by-texts.ts';
import { runsSideBySide } from '../reports/side-by-side.ts';
import { visibleLine } from '../reports/visible-text.ts';
import { writeMergedRun } from '../reports/write-merged-run.ts';
import { counted } from './counted.ts';
import { type ReporterName, reporterNames, reportersOf, writeReports } from './reporters.ts';
import { checkOut } from './run-request.ts';
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
      writeMergedRun(run, root);
      for (const remark of run.remarks) process.stderr.write(`${visibleLine(remark)}\n`);
      for (const path of writeReports([root], root, reporter)) process.stdout.write(`Report: ${path}\n`);
      const missing = run.missing.length;
      if (missing > 0) process.stdout.write(`${counted(missing, 'planned result')} not run\n`);
    });
}
