import { accessSync, constants, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { printProgram } from '../../fuzz/program/print-program.ts';
import { decodeProgram, encodeProgram } from '../../fuzz/program/program-encoding.ts';
import { counted } from '../counted.ts';
import type { HostMessage } from '../host-protocol.ts';
import { oneLine } from '../one-line.ts';
import { complain } from '../terminal.ts';
import { UsageError } from '../usage-error.ts';
import type { MinimizeOptions } from './command-options.ts';
import { onScratchHost } from './one-host.ts';
import { targetOf } from './one-target.ts';
import { readProgram } from './program-file.ts';

type Minimized = Extract<HostMessage, { kind: 'minimized' }>;

/** Makes a program as small as it can be on a target. Returns the exit code. @throws UsageError */
export async function minimizeOnTarget(
  file: string,
  name: string | undefined,
  { time, out, ...targetOptions }: MinimizeOptions,
): Promise<number> {
  const program = Buffer.from(encodeProgram(readProgram(file))).toString('base64');
  const { target } = await targetOf(name, targetOptions);
  if (out !== undefined) checked(() => accessSync(dirname(out), constants.W_OK));
  let least: Minimized | undefined;
  const end = await onScratchHost(
    {
      target,
      work: { kind: 'minimize', program, timeMs: time * 1000 },
    },
    (message) => {
      if (message.kind === 'minimized') least = message;
    },
  );
  if (end.exitCode !== undefined) return end.exitCode;
  if (end.kind === 'ended') throw new UsageError(`${target.facts.name}: ${end.why}`);
  if (least === undefined) {
    complain(`${file} shows nothing on ${target.facts.name}`);
    return 1;
  }
  print(least, out);
  return least.isMinimal ? 0 : 1;
}

function print({ program: bytes, bucket, what, shown, runs, isMinimal }: Minimized, out: string | undefined): void {
  const program = decodeProgram(Buffer.from(bytes, 'base64'));
  const left = isMinimal ? counted(program.calls.length, 'call') : `${counted(program.calls.length, 'call')} so far`;
  const about = `${bucket}: ${shown} of ${counted(runs, 'run')}, ${left}`;
  const text = `# ${about}\n# ${oneLine(what)}\n${printProgram(program)}`;
  if (out === undefined) {
    process.stdout.write(text);
    return;
  }
  checked(() => writeFileSync(out, out.endsWith('.txt') ? text : encodeProgram(program)));
  process.stdout.write(`${about}\n${out}\n`);
}

/** @throws UsageError */
function checked(does: () => void): void {
  try {
    does();
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
