import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { activeMutantVariable } from './switches.ts';
import type { WorkerLine, WorkerOrder } from './worker-messages.ts';

/** How a worker ended: by itself, by a signal or status of failure, or because it said nothing for too long. */
export type WorkerEnd =
  | { readonly kind: 'done' }
  | { readonly kind: 'silent' }
  | { readonly kind: 'failed'; readonly why: string };

/**
 * Longer than any one case takes on the reference: processor time, as a worker that other work keeps from running is no
 * loop without end. One that waits uses none and is given up after the longest silence.
 */
const mostCpuSeconds = 30;
const longestSilenceMs = 150_000;
const lookMs = 5000;

/** Clock ticks of /proc, in seconds. */
const ticksPerSecond = 100;

/** Processor time of a process so far; 0 where it is gone. */
function cpuSecondsOf(pid: number | undefined): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  } catch {
    return 0;
  }
}
const keptBytes = 2000;

/** Runs a worker of an instrumented copy, in a process of its own, and hands on what it says. */
export function runWorker(
  root: string,
  order: WorkerOrder,
  said: (line: WorkerLine) => void,
  mutant?: string,
): Promise<WorkerEnd> {
  const child = spawn(process.execPath, [join(root, 'dist', 'cli', 'mutation', 'worker.js')], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...(mutant === undefined ? {} : { [activeMutantVariable]: mutant }) },
  });
  children.add(child);
  child.stdin.on('error', () => {});
  child.stdin.end(JSON.stringify(order));
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-keptBytes);
  });
  return new Promise((resolve) => {
    let isSilent = false;
    let heardMs = Date.now();
    let heardAtCpu = 0;
    const looks = setInterval(() => {
      const isLoop = cpuSecondsOf(child.pid) - heardAtCpu > mostCpuSeconds;
      if (!isLoop && Date.now() - heardMs < longestSilenceMs) return;
      isSilent = true;
      child.kill('SIGKILL');
    }, lookMs);
    createInterface({ input: child.stdout }).on('line', (line) => {
      heardMs = Date.now();
      heardAtCpu = cpuSecondsOf(child.pid);
      said(JSON.parse(line) as WorkerLine);
    });
    child.on('close', (code, signal) => {
      clearInterval(looks);
      children.delete(child);
      if (isSilent) resolve({ kind: 'silent' });
      else if (code === 0) resolve({ kind: 'done' });
      else resolve({ kind: 'failed', why: `${signal ?? `exit ${code}`}: ${errors.trim()}` });
    });
  });
}

const children = new Set<ChildProcess>();

/** Ends every worker that still runs. */
export function endWorkers(): void {
  for (const child of children) child.kill('SIGKILL');
}
