import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { ownChild } from '../own-children.ts';
import { GuestError } from './guest-error.ts';

export interface ToolOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly directory?: string;
  /** Path of a file that gets its standard output, instead of the answer. */
  readonly outputTo?: string;
  /** Ends the tool. */
  readonly signal: AbortSignal;
}

export interface ToolResult {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/**
 * Runs a program until it exits. It is killed when this process ends, also by SIGKILL.
 * @throws GuestError where it is missing or was ended by the signal.
 */
export async function runTool(command: string, words: readonly string[], options: ToolOptions): Promise<ToolResult> {
  const { environment = {}, directory, outputTo, signal } = options;
  const file = outputTo === undefined ? undefined : openSync(outputTo, 'w');
  const child = ownChild(
    spawn('setpriv', ['--pdeathsig', 'KILL', command, ...words], {
      stdio: ['ignore', file ?? 'pipe', 'pipe'],
      env: { ...process.env, LC_ALL: 'C', ...environment },
      ...(directory === undefined ? {} : { cwd: directory }),
      // In a session of its own: Ctrl-C is for us alone.
      detached: true,
    }),
  );
  const end = (): void => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  };
  signal.addEventListener('abort', end, { once: true });
  process.once('exit', end);
  let output = '';
  let errors = '';
  if (file !== undefined) closeSync(file);
  const append = {
    output: (text: string): void => {
      output += text;
    },
    errors: (text: string): void => {
      errors += text;
    },
  };
  child.stdout?.setEncoding('utf8').on('data', append.output);
  child.stderr?.setEncoding('utf8').on('data', append.errors);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.on('error', (error) => reject(new GuestError(`${command} cannot be started: ${error.message}`)));
      child.on('close', (exit) => resolve(exit));
    });
    if (signal.aborted) throw new GuestError(`${command} was interrupted`);
    return { code, output, errors };
  } finally {
    end();
    signal.removeEventListener('abort', end);
    process.off('exit', end);
  }
}
