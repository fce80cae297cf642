import type { Command } from 'commander';
import type { CompareOptions } from './compare-options.ts';
import { several } from './several.ts';

export function addCompareCommand(command: Command, setExitCode: (code: number) => void): void {
  command
    .argument(
      '<run...>',
      'directories of runs or files of baselines, the oldest first; of one with --save no more is needed',
    )
    .option('--out <dir>', 'directory for a page (compare.html) of all these runs')
    .option('--save <file>', 'write the last run as a baseline: a file to keep, and to compare later runs with')
    .option('--json', 'print what changed in the last step as JSON', false)
    .option(
      '--text <version>',
      'judge all runs by this version of a text, or by the newest (several allowed; not for baselines)',
      several,
      [],
    )
    .addHelpText(
      'after',
      `
Each run is compared with the one before it. Targets are told by name; two runs of one target each are compared whatever
its names. Exit codes: 0 nothing broke in the last step, 1 something did, 2 usage, or results that were not run.`,
    )
    .action(async (runs: string[], options: CompareOptions) => {
      const { compareRuns } = await import('./compare-runs.ts');
      setExitCode(await compareRuns(runs, options));
    });
}
