import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { activeMutantVariable } from './switches.ts';
import type { WorkerLine, WorkerOrder } from './worker-messages.ts';

/** How a worker ended: by itself, by a signal or status of failure, or because it said nothing for too long. */
export type WorkerEnd =
  | { readonly kind: 'done' }
  | { readonly kind: 'silent' }
  | { readonly kind: 'failed'; readonly why: string };

/** Longer than any one case takes on the reference, beside other work. */
const mostSilenceMs = 60_000;
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
    const tooLong = setTimeout(() => {
      isSilent = true;
      child.kill('SIGKILL');
    }, mostSilenceMs);
    createInterface({ input: child.stdout }).on('line', (line) => {
      tooLong.refresh();
      said(JSON.parse(line) as WorkerLine);
    });
    child.on('close', (code, signal) => {
      clearTimeout(tooLong);
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
