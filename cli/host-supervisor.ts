import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type Host,
  type HostBudgets,
  HostConversation,
  type HostEnd,
  type HostListener,
  type HostPlace,
} from './host-conversation.ts';
import { type HostJob, messageDescriptor } from './host-protocol.ts';
import { endLeftBehind, ownChild } from './own-children.ts';

/** The program of a host process. */
export const hostProgram = fileURLToPath(new URL('./host-main.js', import.meta.url));
const budgets: HostBudgets = { startMs: 60_000, resultMs: 60_000 };
const shownOfOutput = 2000;
let hostNumber = 0;

/** Host processes as children of ours. */
export const thisKernel: HostPlace = {
  runWords: ['run'],
  startHost: (job, listener) => new HostSupervisor(job, listener),
  close: async () => undefined,
};

/** One host process: started at construction, watched through its pipe and its exit. */
class HostSupervisor implements Host {
  readonly #child: ChildProcess;
  readonly #outputPath: string;
  readonly #conversation: HostConversation;
  readonly ended: Promise<HostEnd>;

  constructor(job: HostJob, listener: HostListener) {
    const name = `host-${hostNumber++}`;
    const jobPath = join(job.scratch, `${name}.json`);
    writeFileSync(jobPath, JSON.stringify(job));
    this.#outputPath = join(job.scratch, `${name}.output`);
    const output = openSync(this.#outputPath, 'a');
    // In a session of its own: Ctrl-C is for us alone, we say when a host ends.
    this.#child = ownChild(
      spawn(process.execPath, ['--enable-source-maps', hostProgram, jobPath], {
        stdio: ['pipe', output, output, 'pipe'],
        detached: true,
      }),
    );
    closeSync(output);
    this.#conversation = new HostConversation(
      listener,
      budgets,
      (line) => this.#child.stdin?.write(line),
      () => this.#child.kill('SIGKILL'),
    );
    this.ended = this.#settled();
  }

  stop(): void {
    this.#conversation.stop();
  }

  #settled(): Promise<HostEnd> {
    const pipe = this.#child.stdio[messageDescriptor];
    if (pipe !== null && pipe !== undefined && 'setEncoding' in pipe) {
      pipe.setEncoding('utf8');
      pipe.on('data', (text: string) => this.#conversation.received(text));
    }
    // The host may be dead before it reads its line: that shows in its exit.
    this.#child.stdin?.on('error', () => undefined);
    return new Promise((resolve, reject) => {
      this.#child.on('error', reject);
      this.#child.on('close', (code, signal) => {
        endLeftBehind();
        try {
          this.#conversation.close();
          resolve(this.#conversation.end ?? this.#death(code, signal));
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  #death(code: number | null, signal: NodeJS.Signals | null): HostEnd {
    const cause = `ended by ${signal === null ? `exit code ${code}` : `signal ${signal}`}`;
    const said = readFileSync(this.#outputPath, 'utf8').slice(-shownOfOutput).trim();
    return { kind: 'died', why: `the host process ${cause}${said === '' ? '' : `\n${said}`}`, cause };
  }
}
