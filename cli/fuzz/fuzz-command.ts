import type { Command } from 'commander';
import { type FuzzOptions, smokeSeconds } from './command-options.ts';
import { addTargetOptions, positive } from './target-options.ts';

const help = `
Mutants of the programs of a corpus are run until the time or the runs are over, or it is interrupted. What is found is
confirmed on fresh processes, minimised and kept in DIR/buckets; DIR/report.html shows it. A campaign that was ended goes on
from its directory.

Exit codes: 0 nothing was found, or with --expect nothing that is not known; 1 buckets, or findings that there was no time
to look into; 2 usage, an error of ours or a lost target; 128 + n ended by signal n.

Examples:
  vhost-conformance fuzz reference --time 60 --seed 7 --out found
  vhost-conformance fuzz reference --jobs 2 --time 600 --out /shared/found
  vhost-conformance fuzz qemu-storage-daemon --smoke --expect known-buckets.txt
  vhost-conformance fuzz qemu-storage-daemon --out found --distill small-corpus
  vhost-conformance fuzz qemu-storage-daemon --properties --differential reference
  vhost-conformance fuzz qemu-storage-daemon --queue redis://127.0.0.1:6379 --time 3600 --out found
  vhost-conformance fuzz --exec './my-backend -s {socket}' --device net --time 600`;

/** Programs of a slice: some seconds on most targets. */
const usualSliceRuns = 2000;

export function addFuzzCommand(command: Command, setExitCode: (code: number) => void): void {
  addTargetOptions(command.argument('[target]', 'what to fuzz, as of "run"'))
    .option('--time <s>', 'end after so many seconds in all', positive)
    .option('--runs <n>', 'end after so many programs in all', positive)
    .option('--jobs <n>', 'fuzz so many instances of the target at once, which share corpus and buckets', positive, 1)
    .option('--seed <n>', 'seed of the mutants', positive, 1)
    .option(
      '--corpus <dir>',
      'programs to begin with and to add to; several campaigns may share it (default: DIR/corpus)',
    )
    .option('--no-seeds', 'begin an empty corpus with none of the programs that come with the suite')
    .option('--out <dir>', 'directory of the campaign (default: vhost-conformance-fuzz/<target>)')
    .option('--smoke', `be done ${smokeSeconds} seconds after the start of the command, triage included`, false)
    .option('--expect <file>', 'ids of buckets that are known, one a line: only others fail')
    .option(
      '--distill <dir>',
      'run no campaign: write the fewest programs of the corpus that keep all its signals to this new directory',
    )
    .option(
      '--properties',
      'run no campaign: draw programs of the seed, and look whether properties hold of them that every target has (--runs for each, 200 unless told; --out for the programs that break one)',
      false,
    )
    .option('--differential <target>', 'with --properties: lawful programs do the same on this target as well')
    .option(
      '--queue <url>',
      'have workers (fuzz-worker) run it in slices that they take from this Redis: redis://HOST:PORT or unix:PATH',
    )
    .option('--slice-runs <n>', 'with --queue: programs of a slice', positive, usualSliceRuns)
    .option('--allow-remote-queue', 'with --queue: the Redis may be on another machine', false)
    .addHelpText('after', help)
    .action(async (name: string | undefined, options: FuzzOptions) => {
      const { fuzzTarget } = await import('./fuzz-target.ts');
      setExitCode(await fuzzTarget(name, options));
    });
}
