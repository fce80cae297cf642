import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { printProgram } from '../../fuzz/program/print-program.ts';
import { decodeProgram } from '../../fuzz/program/program-encoding.ts';
import { counted } from '../counted.ts';
import type { HostMessage } from '../host-protocol.ts';
import { oneLine } from '../one-line.ts';
import type { TargetArgument } from '../target-argument.ts';
import { print } from '../terminal.ts';
import { UsageError } from '../usage-error.ts';
import type { FuzzOptions } from './command-options.ts';
import { onScratchHost } from './one-host.ts';
import { targetOf } from './one-target.ts';

const programsOfProperty = 200;

type TriedProperty = Extract<HostMessage, { kind: 'property' }>;

/** Tries the properties of programs on a target. Returns the exit code. @throws UsageError */
export async function propertiesOnTarget(
  { target, words }: TargetArgument,
  { seed, runs = programsOfProperty, time, differential, out }: FuzzOptions,
): Promise<number> {
  const other = differential === undefined ? undefined : (await targetOf(differential, noOptions)).target;
  if (other !== undefined && other.facts.device !== target.facts.device) {
    throw new UsageError(`${other.facts.name} is no ${target.facts.device} device`);
  }
  let broken = 0;
  const end = await onScratchHost(
    {
      target,
      work: {
        kind: 'properties',
        seed,
        runs,
        ...(time === undefined ? {} : { timeMs: time * 1000 }),
        ...(other === undefined ? {} : { other }),
      },
    },
    (message) => {
      if (message.kind !== 'property') return;
      if (message.result === 'broken') broken++;
      say(message, seed, out, words);
    },
  );
  if (end.exitCode !== undefined) return end.exitCode;
  if (end.kind === 'ended') throw new UsageError(`${target.facts.name}: ${end.why}`);
  return broken === 0 ? 0 : 1;
}

/** The second target is one that has a name. */
const noOptions = { device: 'block' } as const;

function say(tried: TriedProperty, seed: number, out: string | undefined, words: readonly string[]): void {
  const { name, result, runs, why, programs } = tried;
  switch (result) {
    case 'held':
      print(`ok ${name}: ${counted(runs, 'program')} of seed ${seed}`);
      return;
    case 'not-applicable':
      print(`- ${name}: not tried: ${why} is missing`);
      return;
    case 'broken':
      print(`not ok ${name}: ${oneLine(why)} (program ${runs} of seed ${seed})`);
      for (const [at, program] of programs.entries()) {
        const text = `# ${name}: ${oneLine(why)}\n${printProgram(decodeProgram(Buffer.from(program, 'base64')))}`;
        if (out === undefined) process.stdout.write(text);
        else {
          const path = join(out, `${name}-${at + 1}.txt`);
          mkdirSync(out, { recursive: true });
          writeFileSync(path, text);
          print(`  npx vhost-conformance replay ${path} ${words.join(' ')}`);
        }
      }
  }
}
