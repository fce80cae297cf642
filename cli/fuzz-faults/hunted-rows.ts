import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { type FaultName, isFaultName } from '../../reference-impl/faults/faults.ts';
import type { HuntLimits, HuntResult } from './hunt.ts';

/** A hunt on a busy machine takes so many times its time at most, and this to start and to end. */
const busyTimes = 64;
const graceMs = 30_000;

const row = z.object({
  fault: z.custom<FaultName>((name) => typeof name === 'string' && isFaultName(name)),
  requirement: z.string(),
  isFound: z.boolean(),
  by: z.enum(['crash', 'hang', 'invariant', 'model', 'leak', 'contact']).optional(),
  what: z.string().optional(),
  arena: z.string().optional(),
  seconds: z.number(),
  programs: z.number(),
  shownWithoutFault: z.array(z.string()),
});
const keptRow = z.object({ seed: z.number(), timeMs: z.number(), runs: z.number().optional(), row });

/** Rows of hunts with these limits that an interrupted command left in a file; a torn line is none. */
export function rowsIn(path: string, limits: HuntLimits): HuntResult[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .flatMap((line) => {
      const kept = keptRow.safeParse(jsonOf(line));
      if (!kept.success) return [];
      const { seed, timeMs, runs } = kept.data;
      return seed === limits.seed && timeMs === limits.timeMs && runs === limits.runs ? [resultOf(kept.data.row)] : [];
    });
}

export function appendRow(path: string, { seed, timeMs, runs }: HuntLimits, result: HuntResult): void {
  appendFileSync(path, `${JSON.stringify({ seed, timeMs, runs, row: result })}\n`);
}

/** Hunts a fault in a process of its own, which is killed where it takes far too long. */
export function huntedElsewhere(name: FaultName, limits: HuntLimits): Promise<HuntResult> {
  const program = fileURLToPath(new URL('hunt-main.js', import.meta.url));
  const words = ['--enable-source-maps', program, JSON.stringify({ name, ...limits })];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const end = (): void => {
    child.kill('SIGKILL');
  };
  process.on('exit', end);
  const timer = setTimeout(end, busyTimes * limits.timeMs + graceMs);
  let text = '';
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (more: string) => {
    text += more;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      process.off('exit', end);
      const read = row.safeParse(jsonOf(text));
      if (read.success) resolve(resultOf(read.data));
      else reject(new Error(`the hunt of ${name} ended by ${signal ?? `exit code ${code}`}`));
    });
  });
}

/** What is not there is left out, and not undefined. */
const resultOf = ({ by, what, arena, ...rest }: z.infer<typeof row>): HuntResult => ({
  ...rest,
  ...(by === undefined ? {} : { by }),
  ...(what === undefined ? {} : { what }),
  ...(arena === undefined ? {} : { arena }),
});

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
