import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { Ended } from './command-line.ts';
import type { Command, Done } from './shared-process.ts';

const program = fileURLToPath(new URL('./shared-process.js', import.meta.url));

export interface SharedEnd extends Ended {
  readonly pid: number | undefined;
  /** The most memory that the process has had up to now, in KiB; NaN where it ended. */
  readonly memoryKb: number;
}

/** A process that has loaded the program, and runs one command after another. */
class SharedProcess {
  readonly #child: ChildProcess;
  #last: Promise<unknown> = Promise.resolve();
  #commands = 0;

  constructor() {
    // Without NODE_OPTIONS, which the test runner gives to every child in order to follow it.
    this.#child = spawn('/usr/bin/env', ['-u', 'NODE_OPTIONS', process.execPath, program], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, CI: '1' },
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) stream?.setEncoding('utf8');
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  run(words: readonly string[], cwd: string, withinMs: number): Promise<SharedEnd> {
    const ended = this.#last.then(() => this.#run(words, cwd, withinMs));
    this.#last = ended.catch(() => undefined);
    return ended;
  }

  async #run(words: readonly string[], cwd: string, withinMs: number): Promise<SharedEnd> {
    const child = this.#child;
    const mark = `\0end of command ${this.#commands++}\0`;
    const told = { stdout: '', stderr: '' };
    return await new Promise((resolve) => {
      let done: Done | undefined;
      const patience = setTimeout(() => child.kill('SIGKILL'), withinMs);
      const take = { stdout: (text: string) => taken('stdout', text), stderr: (text: string) => taken('stderr', text) };
      const taken = (name: 'stdout' | 'stderr', text: string): void => {
        told[name] += text;
        settle();
      };
      const isDone = (message: Done): void => {
        done = message;
        settle();
      };
      const hasClosed = (code: number | null, signal: NodeJS.Signals | null): void =>
        finish({ code, signal, ...told, memoryKb: Number.NaN });
      const settle = (): void => {
        if (done === undefined || !told.stdout.endsWith(mark) || !told.stderr.endsWith(mark)) return;
        const [stdout, stderr] = [told.stdout, told.stderr].map((text) => text.slice(0, -mark.length));
        finish({ ...done, signal: null, stdout: stdout ?? '', stderr: stderr ?? '' });
      };
      const finish = (end: Omit<SharedEnd, 'pid'>): void => {
        clearTimeout(patience);
        child.stdout?.off('data', take.stdout);
        child.stderr?.off('data', take.stderr);
        child.off('message', isDone).off('close', hasClosed);
        resolve({ ...end, pid: child.pid });
      };
      child.stdout?.on('data', take.stdout);
      child.stderr?.on('data', take.stderr);
      child.on('message', isDone).on('close', hasClosed);
      child.send({ words, cwd, mark } satisfies Command);
    });
  }

  end(): void {
    if (this.#child.connected) this.#child.disconnect();
  }
}

let shared: SharedProcess | undefined;
t.teardown(() => shared?.end());

/**
 * What `run` of command-line.ts tells of a command, at a tenth of its price: one process has loaded the program and runs
 * all of them in turn. Where it ends under a command, that one has its exit code or signal, and the next a fresh process.
 */
export async function sharedRun(
  words: readonly string[],
  { cwd, withinMs = 600_000 }: { readonly cwd: string; readonly withinMs?: number },
): Promise<SharedEnd> {
  if (shared === undefined || shared.hasEnded) shared = new SharedProcess();
  return await shared.run(words, cwd, withinMs);
}
