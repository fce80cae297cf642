import { writeFileSync } from 'node:fs';
import { printProgram } from '../../fuzz/program/print-program.ts';
import { encodeProgram } from '../../fuzz/program/program-encoding.ts';
import { VhostConformanceError } from '../../reference-impl/errors.ts';
import { counted } from '../counted.ts';
import { oneLine } from '../one-line.ts';
import { complain, print } from '../terminal.ts';
import { UsageError } from '../usage-error.ts';
import type { ReplayOptions } from './command-options.ts';
import { onScratchHost } from './one-host.ts';
import { targetOf } from './one-target.ts';
import { readProgram } from './program-file.ts';

/** What `git bisect run` takes for a commit that cannot be judged. */
const cannotBeJudged = 125;

/** Runs a program on a target, or prints it. Returns the exit code. @throws UsageError */
export async function replayOnTarget(file: string, name: string | undefined, options: ReplayOptions): Promise<number> {
  if (options.show) return shown(file, name, options);
  if (!options.bisect) {
    const { exitCode, isFound } = await replayed(file, name, options);
    return exitCode ?? (isFound ? 1 : 0);
  }
  try {
    const { exitCode, isFound, others } = await replayed(file, name, options);
    return exitCode ?? (isFound ? 1 : others > 0 ? cannotBeJudged : 0);
  } catch (error) {
    if (!(error instanceof VhostConformanceError)) throw error;
    complain(`vhost-conformance: ${oneLine(error.message)}`);
    return cannotBeJudged;
  }
}

function shown(file: string, name: string | undefined, { bisect }: ReplayOptions): number {
  if (name !== undefined || bisect) throw new UsageError('--show runs nothing: leave the target and --bisect out');
  process.stdout.write(printProgram(readProgram(file)));
  return 0;
}

interface Replayed {
  /** A signal ended it. */
  readonly exitCode?: number;
  readonly isFound: boolean;
  /** Findings that do not count, because another bucket was asked for. */
  readonly others: number;
}

async function replayed(
  file: string,
  name: string | undefined,
  { repeat, before, bucket: wanted, c, ...targetOptions }: ReplayOptions,
): Promise<Replayed> {
  const [program = '', ...earlier] = [file, ...before].map((path) =>
    Buffer.from(encodeProgram(readProgram(path))).toString('base64'),
  );
  const { target } = await targetOf(name, targetOptions);
  const found = new Map<string, number>();
  let runs = 0;
  let inC: string | undefined;
  const end = await onScratchHost(
    {
      target,
      work: { kind: 'replay', program, before: earlier, repeat, inC: c !== undefined },
    },
    (message) => {
      if (message.kind === 'said') print(message.line);
      if (message.kind !== 'replayed') return;
      runs = message.runs;
      inC = message.inC;
      for (const [bucket, count] of Object.entries(message.buckets)) found.set(bucket, count);
    },
  );
  if (end.exitCode !== undefined) return { exitCode: end.exitCode, isFound: false, others: 0 };
  if (runs === 0) throw new UsageError(`${target.facts.name}: ${end.why}`);
  for (const [bucket, count] of found) print(`${bucket}: ${count} of ${counted(runs, 'run')}`);
  if (found.size === 0) print(`nothing found in ${counted(runs, 'run')}`);
  if (c !== undefined) writeC(c, inC, target.facts.name);
  const counting = [...found.keys()].filter((bucket) => wanted === undefined || bucket === wanted);
  return { isFound: counting.length > 0, others: found.size - counting.length };
}

/** @throws UsageError */
function writeC(path: string, text: string | undefined, target: string): void {
  if (text === undefined)
    throw new UsageError(`${target}: only what is reached at a vhost-user socket can be shown in C`);
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new UsageError(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
