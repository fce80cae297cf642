import type { Command } from 'commander';
import type { MinimizeOptions } from './command-options.ts';
import { addTargetOptions, positive } from './target-options.ts';

const help = `
A program that shows a finding is run again and again without some of its calls, arguments and bytes, as long as it shows
the same. What is left is printed as text, which "replay" takes.

Exit codes: 0 it was made as small as it can be, 1 it showed nothing, or the time was over before, 2 usage or an error of
ours, 128 + n ended by signal n.

Examples:
  vhost-conformance minimize host-death-1.pb qemu-storage-daemon > least.txt
  vhost-conformance minimize long.txt reference --time 300 --out least.pb`;

export function addMinimizeCommand(command: Command, setExitCode: (code: number) => void): void {
  addTargetOptions(command.argument('<file>', 'a program').argument('[target]', 'what to run it on, as of "run"'))
    .option('--time <s>', 'what it may take', positive, 60)
    .option('--out <file>', 'write it there instead: protobuf, or text where the name ends in .txt')
    .addHelpText('after', help)
    .action(async (file: string, name: string | undefined, options: MinimizeOptions) => {
      const { minimizeOnTarget } = await import('./minimize-on-target.ts');
      setExitCode(await minimizeOnTarget(file, name, options));
    });
}
