import { existsSync, readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Target } from '../../drivers/target.ts';
import { refuseStrangeEntries } from '../../reports/record/strange-entries.ts';
import { counted } from '../counted.ts';
import type { HostMessage } from '../host-protocol.ts';
import { print } from '../terminal.ts';
import { UsageError } from '../usage-error.ts';
import { onScratchHost } from './one-host.ts';

type Distilled = Extract<HostMessage, { kind: 'distilled' }>;

/** Writes the smallest set of entries of a corpus that keeps all signals. Returns the exit code. @throws UsageError */
export async function distillCorpus(target: Target, corpus: string, into: string): Promise<number> {
  if (filesIn(corpus).length === 0) throw new UsageError(`${corpus}: no corpus to distill`);
  if (filesIn(into).length > 0) throw new UsageError(`${into}: is not empty: what is distilled needs a new directory`);
  refuseStrangeEntries(corpus);
  let done: Distilled | undefined;
  const end = await onScratchHost(
    {
      target,
      work: { kind: 'distill', corpus: resolve(corpus), into: resolve(into) },
    },
    (message) => {
      if (message.kind === 'distilled') done = message;
    },
  );
  if (end.exitCode !== undefined) return end.exitCode;
  if (done === undefined) throw new UsageError(`${target.facts.name}: ${end.why}`);
  for (const bucket of done.buckets) print(`left out: a program that shows ${bucket}`);
  print(`${done.kept} of ${counted(done.of, 'program')} keep ${counted(done.signals, 'signal')}: ${into}`);
  return 0;
}

function filesIn(directory: string): string[] {
  if (!existsSync(directory)) return [];
  try {
    return readdirSync(directory);
  } catch (error) {
    throw new UsageError(`${directory}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
