import type { Command } from 'commander';
import type { ReplayOptions } from './command-options.ts';
import { addTargetOptions, positive } from './target-options.ts';

const help = `
A program is a file of the fuzzer, or its text. Each call is printed with what came of it.

Exit codes: 0 nothing was found, 1 a finding, 2 usage or an error of ours, 128 + n ended by signal n.

Examples:
  vhost-conformance replay --show found.pb                print its text
  vhost-conformance replay found.pb reference             run it
  vhost-conformance replay found.txt qemu-storage-daemon --repeat 5`;

export function addReplayCommand(command: Command, setExitCode: (code: number) => void): void {
  addTargetOptions(command.argument('<file>', 'a program').argument('[target]', 'what to run it on, as of "run"'))
    .option('--show', 'print the text of the program, and run nothing', false)
    .option('--repeat <n>', 'run it so many times, each on a fresh process', positive, 1)
    .addHelpText('after', help)
    .action(async (file: string, name: string | undefined, options: ReplayOptions) => {
      const { replayOnTarget } = await import('./replay-on-target.ts');
      setExitCode(await replayOnTarget(file, name, options));
    });
}
