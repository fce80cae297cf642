import { printProgram } from '../../fuzz/program/print-program.ts';
import { encodeProgram } from '../../fuzz/program/program-encoding.ts';
import { counted } from '../counted.ts';
import { thisKernel } from '../host-supervisor.ts';
import { ScratchDirectory } from '../scratch-directory.ts';
import { print } from '../terminal.ts';
import { UsageError } from '../usage-error.ts';
import type { ReplayOptions } from './command-options.ts';
import { oneHost } from './one-host.ts';
import { targetOf } from './one-target.ts';
import { readProgram } from './program-file.ts';

/** Runs a program on a target, or prints it. Returns the exit code. @throws UsageError */
export async function replayOnTarget(file: string, name: string | undefined, options: ReplayOptions): Promise<number> {
  const program = readProgram(file);
  if (options.show) {
    if (name !== undefined) throw new UsageError('--show runs nothing: leave the target out');
    process.stdout.write(printProgram(program));
    return 0;
  }
  const { target } = targetOf(name, options);
  const { repeat } = options;
  const scratch = new ScratchDirectory();
  try {
    const found = new Map<string, number>();
    let runs = 0;
    const bytes = Buffer.from(encodeProgram(program)).toString('base64');
    const end = await oneHost(
      thisKernel,
      {
        target,
        scratch: scratch.path,
        root: scratch.path,
        parentPid: process.pid,
        work: { kind: 'replay', program: bytes, repeat },
      },
      (message) => {
        if (message.kind === 'said') print(message.line);
        if (message.kind !== 'replayed') return;
        runs = message.runs;
        for (const [bucket, count] of Object.entries(message.buckets)) found.set(bucket, count);
      },
    );
    if (end.exitCode !== undefined) return end.exitCode;
    if (runs === 0) throw new UsageError(`${target.facts.name}: ${end.why}`);
    for (const [bucket, count] of found) print(`${bucket}: ${count} of ${counted(runs, 'run')}`);
    if (found.size === 0) print(`nothing found in ${counted(runs, 'run')}`);
    return found.size === 0 ? 0 : 1;
  } finally {
    scratch.remove();
  }
}
