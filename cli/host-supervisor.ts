import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TargetRecord } from '../reports/record/record.ts';
import { goLine, type HostJob, type HostMessage, HostMessageReader, messageDescriptor } from './host-protocol.ts';

/** How a host process ended, in the words of its parent. */
export type HostEnd =
  | { readonly kind: 'completed'; readonly gaveUp?: string | undefined }
  | { readonly kind: 'unusable'; readonly why: string }
  | { readonly kind: 'not-served'; readonly why: string }
  | { readonly kind: 'no-point'; readonly why: string }
  | { readonly kind: 'unwritable'; readonly why: string }
  /** It died, or was killed past its budget, before its end. */
  | { readonly kind: 'died'; readonly why: string }
  /** We ended it on request. */
  | { readonly kind: 'stopped' };

export interface HostListener {
  /** The target serves. When this returns, the run's directory is there and the host may write; a throw ends it. */
  ready(target: TargetRecord): void;
  message(message: HostMessage): void;
}

export interface HostBudgets {
  /** Until the target serves. */
  readonly startMs: number;
  /** For one result. */
  readonly resultMs: number;
}

const entry = fileURLToPath(new URL('./host-process.js', import.meta.url));
const shownOfOutput = 2000;
let hostNumber = 0;

/** One host process: started at construction, watched through its pipe and its exit. */
export class HostSupervisor {
  readonly #child: ChildProcess;
  readonly #outputPath: string;
  readonly #listener: HostListener;
  readonly #budgets: HostBudgets;
  readonly #reader = new HostMessageReader();
  #timer: NodeJS.Timeout | undefined;
  #end: HostEnd | undefined;
  #failure: unknown;
  readonly ended: Promise<HostEnd>;

  constructor(job: HostJob, listener: HostListener, budgets: HostBudgets) {
    this.#listener = listener;
    this.#budgets = budgets;
    const name = `host-${hostNumber++}`;
    const jobPath = join(job.scratch, `${name}.json`);
    writeFileSync(jobPath, JSON.stringify(job));
    this.#outputPath = join(job.scratch, `${name}.output`);
    const output = openSync(this.#outputPath, 'a');
    // In a session of its own: Ctrl-C is for us alone, we say when a host ends.
    this.#child = spawn(process.execPath, ['--enable-source-maps', entry, jobPath], {
      stdio: ['pipe', output, output, 'pipe'],
      detached: true,
    });
    closeSync(output);
    this.#watch(budgets.startMs, 'the start of the target');
    this.ended = this.#settled();
  }

  /** Ends the host with SIGKILL; what it had started ends with it. */
  stop(): void {
    this.#end ??= { kind: 'stopped' };
    this.#child.kill('SIGKILL');
  }

  #settled(): Promise<HostEnd> {
    const pipe = this.#child.stdio[messageDescriptor];
    if (pipe !== null && pipe !== undefined && 'setEncoding' in pipe) {
      pipe.setEncoding('utf8');
      pipe.on('data', (text: string) => this.#received(text));
    }
    // The host may be dead before it reads its line: that shows in its exit.
    this.#child.stdin?.on('error', () => undefined);
    return new Promise((resolve, reject) => {
      this.#child.on('error', reject);
      this.#child.on('close', (code, signal) => {
        clearTimeout(this.#timer);
        if (this.#failure !== undefined) reject(this.#failure);
        else resolve(this.#end ?? { kind: 'died', why: this.#whyDied(code, signal) });
      });
    });
  }

  #received(text: string): void {
    if (this.#failure !== undefined) return;
    try {
      for (const message of this.#reader.push(text)) this.#take(message);
    } catch (error) {
      this.#failure = error;
      this.#child.kill('SIGKILL');
    }
  }

  #take(message: HostMessage): void {
    switch (message.kind) {
      case 'ready':
        this.#listener.ready(message.target);
        this.#child.stdin?.write(goLine);
        this.#watch(this.#budgets.resultMs, 'the first result');
        return;
      case 'begin':
        this.#watch(this.#budgets.resultMs, message.key);
        this.#listener.message(message);
        return;
      case 'case':
        this.#listener.message(message);
        return;
      case 'unusable':
      case 'not-served':
      case 'unwritable':
      case 'no-point':
      case 'completed':
        this.#end ??= message;
    }
  }

  #watch(ms: number, what: string): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#end ??= { kind: 'died', why: `the host process was killed: ${what} took more than ${ms / 1000} s` };
      this.#child.kill('SIGKILL');
    }, ms);
  }

  #whyDied(code: number | null, signal: NodeJS.Signals | null): string {
    const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
    const said = readFileSync(this.#outputPath, 'utf8').slice(-shownOfOutput).trim();
    return `the host process ended by ${how}${said === '' ? '' : `\n${said}`}`;
  }
}
