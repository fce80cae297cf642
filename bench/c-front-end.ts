import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** From dist/bench to the source and to a place that git ignores. */
const source = fileURLToPath(new URL('../../bench/c/front-end.c', import.meta.url));
const cache = fileURLToPath(new URL('../../node_modules/.cache/vhost-conformance/', import.meta.url));
const flags = ['-O2', '-Wall', '-Wextra', '-Werror'];

export type Mode = 'features' | 'ring' | 'session';

/** Builds the C front-end unless the same source was built before; returns the path of the program. */
export function buildFrontEnd(): string {
  const hash = createHash('sha256').update(readFileSync(source)).update(flags.join(' ')).digest('hex').slice(0, 16);
  const program = `${cache}front-end-${hash}`;
  if (existsSync(program)) return program;
  mkdirSync(cache, { recursive: true });
  const unfinished = `${program}.${process.pid}`;
  execFileSync('gcc', [...flags, '-o', unfinished, source], { stdio: ['ignore', 'ignore', 'inherit'] });
  renameSync(unfinished, program);
  return program;
}

/** Nanoseconds for each of `count` operations of the C front-end. */
export function runFrontEnd(program: string, mode: Mode, socket: string, count: number): number {
  const output = execFileSync(program, [mode, socket, `${count}`], { encoding: 'utf8', timeout: 60_000 });
  const nanoseconds = Number(output);
  if (!(nanoseconds > 0)) throw new Error(`front-end ${mode} printed ${JSON.stringify(output)}`);
  return nanoseconds;
}
