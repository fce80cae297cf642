import type { Command } from 'commander';
import type { FuzzWorkerOptions } from './command-options.ts';
import { addTargetOptions, positive } from './target-options.ts';

const help = `
The worker runs slices of campaigns (fuzz --queue) on its own target until a signal ends it. A slice is data: programs, a
seed and a number. What is in the queue decides neither what is started here nor which files are read or written. A worker
that dies loses its slice to another one; a slice that it cannot finish goes back.

Exit codes: 128 + n ended by signal n; 2 usage, or no Redis.

Examples:
  vhost-conformance fuzz-worker qemu-storage-daemon --queue redis://127.0.0.1:6379
  vhost-conformance fuzz-worker reference --queue unix:/run/redis/redis.sock --jobs 2`;

const usualLossS = 30;

export function addFuzzWorkerCommand(command: Command, setExitCode: (code: number) => void): void {
  addTargetOptions(command.argument('[target]', 'what to fuzz, as of "run"'))
    .requiredOption('--queue <url>', 'the Redis that has the slices: redis://HOST:PORT or unix:PATH')
    .option('--allow-remote-queue', 'the Redis may be on another machine', false)
    .option('--jobs <n>', 'run so many slices at once', positive, 1)
    .option('--lost-after <s>', 'a worker that is silent for so long has lost its slice', positive, usualLossS)
    .addHelpText('after', help)
    .action(async (name: string | undefined, options: FuzzWorkerOptions) => {
      const { fuzzWorker } = await import('./queue/fuzz-worker.ts');
      setExitCode(await fuzzWorker(name, options));
    });
}
