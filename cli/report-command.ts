import type { Command } from 'commander';
import type { ReportOptions } from './report-options.ts';
import { reporterNames, reportersOf } from './reporter-names.ts';
import { several } from './several.ts';
import { UsageError } from './usage-error.ts';

export function addReportCommand(command: Command, setExitCode: (code: number) => void): void {
  command
    .argument('[dir...]', 'directories of runs, of all shards of a run, and of fuzz campaigns')
    .requiredOption('--out <dir>', 'directory for the merged records and their reports')
    .option('--coverage', 'of the texts, and of no run: each rule with its cases and faults, or why it has none', false)
    .option('--reporter <names>', `reports to write: ${reporterNames.join(',')}`, reportersOf, ['html'])
    .option(
      '--text <version>',
      'judge by this version of a text, or by the newest (several allowed; default: as each run was)',
      several,
      [],
    )
    .option('--check', 'exit as one run of all this would: 1 for findings, 2 for what is missing', false)
    .option('--expect <file>', 'with --check: known deviations (several allowed)', several, [])
    .action(async (directories: string[], options: ReportOptions) => {
      if (options.coverage) {
        if (directories.length > 0)
          throw new UsageError('report --coverage is about the texts, and takes no directory');
        const { writeCoverageReport } = await import('./coverage-report.ts');
        writeCoverageReport(options.out);
        return;
      }
      if (directories.length === 0) throw new UsageError('report: name the directory of a run, or --coverage');
      const { reportTogether } = await import('./report-together.ts');
      setExitCode(await reportTogether(directories, options));
    });
}
