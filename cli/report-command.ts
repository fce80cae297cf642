import type { Command } from 'commander';
import type { ReportOptions } from './report-options.ts';
import { reporterNames, reportersOf } from './reporter-names.ts';

export function addReportCommand(command: Command, setExitCode: (code: number) => void): void {
  command
    .argument('<dir...>', 'directories of runs, of all shards of a run, and of fuzz campaigns')
    .requiredOption('--out <dir>', 'directory for the merged records and their reports')
    .option('--reporter <names>', `reports to write: ${reporterNames.join(',')}`, reportersOf, ['html'])
    .option(
      '--text <version>',
      'judge by this version of a text, or by the newest (several allowed; default: as each run was)',
      (value: string, before: readonly string[]) => [...before, value],
      [],
    )
    .option('--check', 'exit as one run of all this would: 1 for findings, 2 for what is missing', false)
    .option('--expect <file>', 'with --check: known deviations')
    .action(async (directories: string[], options: ReportOptions) => {
      const { reportTogether } = await import('./report-together.ts');
      setExitCode(await reportTogether(directories, options));
    });
}
