import type { Command } from 'commander';
import type { ReplayOptions } from './command-options.ts';
import { addTargetOptions, positive } from './target-options.ts';

const help = `
A program is a file of the fuzzer, or its text. Each call is printed with what came of it.

Exit codes: 0 nothing was found, 1 a finding, 2 usage or an error of ours, 128 + n ended by signal n. With --bisect, what
"git bisect run" wants: 0 good, 1 bad, 125 where it cannot be judged, because the target did not start or showed another
finding than --bucket says.

Examples:
  vhost-conformance replay --show found.pb                print its text
  vhost-conformance replay found.pb reference             run it
  vhost-conformance replay found.txt qemu-storage-daemon --repeat 5
  vhost-conformance replay found.pb qemu-storage-daemon --c found.c && cc -Wall found.c && ./a.out /run/mine.sock
  git bisect run sh -c 'make || exit 125; vhost-conformance replay --bisect found.pb --exec "./my-backend {socket}"'`;

export function addReplayCommand(command: Command, setExitCode: (code: number) => void): void {
  addTargetOptions(command.argument('<file>', 'a program').argument('[target]', 'what to run it on, as of "run"'))
    .option('--show', 'print the text of the program, and run nothing', false)
    .option('--repeat <n>', 'run it so many times, each on a fresh process', positive, 1)
    .option(
      '--before <file>',
      'run this program before it on the same process (several allowed)',
      (path: string, others: readonly string[]) => [...others, path],
      [],
    )
    .option('--bucket <id>', 'only this finding counts')
    .option('--c <file>', 'write a C program that does the same to a socket, without this suite')
    .option('--bisect', 'exit as "git bisect run" wants it', false)
    .addHelpText('after', help)
    .action(async (file: string, name: string | undefined, options: ReplayOptions) => {
      const { replayOnTarget } = await import('./replay-on-target.ts');
      setExitCode(await replayOnTarget(file, name, options));
    });
}
