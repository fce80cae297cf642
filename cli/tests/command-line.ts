import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { main } from './bundled-programs.ts';

/** Words that ask for cases of a few milliseconds each, that every vhost-user back-end passes. */
export const shortCases = ['vhost-user/header/reply-*', 'vhost-user/header/unknown-*'].flatMap((id) => ['--case', id]);

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

export interface Surroundings {
  readonly cwd: string;
  readonly uid?: number;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Starts the program with these words. */
export function start(words: readonly string[], { cwd, uid, environment }: Surroundings): Started {
  // Without NODE_OPTIONS, which the test runner gives to every child in order to follow it.
  const child = spawn('/usr/bin/env', ['-u', 'NODE_OPTIONS', process.execPath, main, ...words], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, CI: '1', ...environment },
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return { child, ended };
}

export async function run(words: readonly string[], surroundings: Surroundings): Promise<Ended> {
  return await start(words, surroundings).ended;
}

/** An empty directory for one test, with a short path: sockets may lie in it. */
export function emptyDirectory(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'vc-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Processes that live and have this text in their command line. */
export function livingProcesses(text: string): number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const words = readFileSync(`/proc/${name}/cmdline`, 'utf8');
      // An orphan that init has not waited for yet is no process any more.
      const state = readFileSync(`/proc/${name}/stat`, 'utf8')
        .replace(/^.*\) /, '')
        .charAt(0);
      return words.includes(text) && state !== 'Z' ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

/** Waits until a claim holds. @throws Error after half a minute, or as long as is said. */
export async function until(claim: () => boolean, what: string, withinMs = 30_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!claim()) {
    if (performance.now() > deadline) throw new Error(`in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Events of a results file so far, whole lines only. A line may be empty: two processes append to the file. */
export function eventsOf(root: string): { readonly event: string; readonly [field: string]: unknown }[] {
  const path = join(root, 'results.jsonl');
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .slice(0, -1)
    .filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line));
}

/** Name of the scratch directories of runs of a process, wherever they are. */
export function scratchOf(pid: number | undefined): string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith(`vhost-conformance-run-${pid}-`));
}
