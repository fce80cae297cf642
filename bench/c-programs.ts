import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** From dist/bench to the sources and to a place that git ignores. */
const sources = new URL('../../bench/c/', import.meta.url);
const cache = fileURLToPath(new URL('../../node_modules/.cache/vhost-conformance/', import.meta.url));
const flags = ['-O2', '-Wall', '-Wextra', '-Werror'];

/** Builds `bench/c/NAME.c` unless the same source was built before; answers the path of the program. */
export function buildProgram(name: 'front-end' | 'both-sides'): string {
  const source = fileURLToPath(new URL(`${name}.c`, sources));
  const hash = createHash('sha256').update(readFileSync(source)).update(flags.join(' ')).digest('hex').slice(0, 16);
  const program = `${cache}${name}-${hash}`;
  if (existsSync(program)) return program;
  mkdirSync(cache, { recursive: true });
  const unfinished = `${program}.${process.pid}`;
  execFileSync('gcc', [...flags, '-o', unfinished, source], { stdio: ['ignore', 'ignore', 'inherit'] });
  renameSync(unfinished, program);
  return program;
}

/** Nanoseconds for each operation, as the program prints them. */
export function runProgram(program: string, words: readonly string[]): number {
  const output = execFileSync(program, words, { encoding: 'utf8', timeout: 60_000 });
  const nanoseconds = Number(output);
  if (!(nanoseconds > 0)) throw new Error(`${program} ${words.join(' ')} printed ${JSON.stringify(output)}`);
  return nanoseconds;
}

/** Builds a printed C program beside its source; answers the path of the program. */
export function buildPrinted(source: string): string {
  const program = source.replace(/\.c$/, '');
  execFileSync('gcc', [...flags, '-o', program, source], { stdio: ['ignore', 'ignore', 'inherit'] });
  return program;
}
