import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { reasonOf } from '../../reports/record/record-writer.ts';
import {
  type Host,
  type HostBudgets,
  HostConversation,
  type HostEnd,
  type HostListener,
  type HostPlace,
} from '../host-conversation.ts';
import { type HostJob, messageDescriptor } from '../host-protocol.ts';
import { hostProgram } from '../host-supervisor.ts';
import { shellLine } from '../shell-words.ts';
import { GuestError } from './guest-error.ts';
import { GuestSession, type GuestSettings, guestDirectory, lastLines } from './guest-session.ts';
import { kernelDeath } from './kernel-complaint.ts';

/** Emulated, a host takes ten times as long to start, and a case as well. */
const budgets: HostBudgets = { startMs: 120_000, resultMs: 120_000, knownEndMs: 45_000 };
/** A guest that does not end a process within this time hangs. */
const killWithinMs = 10_000;
const shownOfOutput = 2000;
const outShare = 'out';

export interface GuestPlaceOptions {
  /** The words that ask for a run here. */
  readonly runWords: readonly string[];
  /** A shell command that is run after each boot, before anything is judged. */
  readonly atBoot: string | undefined;
}

/** Host processes in a guest, which is booted for the first of them and again after each that ended badly. */
export class GuestPlace implements HostPlace {
  readonly runWords: readonly string[];
  readonly #atBoot: string | undefined;
  readonly #settings: GuestSettings;
  readonly #log: string;
  #session: GuestSession | undefined;
  #isLogBroken = false;
  #boots = 0;
  #jobs = 0;

  /** @param settings without shares. @param out the run's directory, which exists. */
  constructor(settings: GuestSettings, out: string, { runWords, atBoot }: GuestPlaceOptions) {
    this.runWords = runWords;
    this.#atBoot = atBoot;
    this.#log = join(out, 'kernel.log');
    this.#settings = {
      ...settings,
      shares: new Map([[outShare, out]]),
      onConsole: (text) => {
        settings.onConsole(text);
        this.#append(text);
      },
    };
  }

  startHost(job: HostJob, listener: HostListener): Host {
    const aborter = new AbortController();
    const ended = this.#run(job, listener, aborter.signal);
    return { ended, stop: () => aborter.abort() };
  }

  async close(): Promise<string | undefined> {
    const session = this.#session;
    if (session === undefined) return undefined;
    this.#session = undefined;
    return (await session.end()) ? undefined : 'the guest did not confirm its end: its results may not be whole';
  }

  async #run(job: HostJob, listener: HostListener, signal: AbortSignal): Promise<HostEnd> {
    try {
      const session = this.#session ?? (await this.#boot(listener, signal));
      const end = await this.#judge(session, job, listener, signal);
      if (!isClean(end)) await this.#drop();
      return end;
    } catch (error) {
      await this.#drop();
      if (!(error instanceof GuestError)) throw error;
      if (signal.aborted) return { kind: 'stopped' };
      if (this.#boots === 1) throw error;
      return { kind: 'not-served', why: error.message };
    }
  }

  async #boot(listener: HostListener, signal: AbortSignal): Promise<GuestSession> {
    this.#boots++;
    listener.booted();
    listener.note(`guest: booting Linux ${this.#settings.kernel.release}`);
    this.#append(`--- boot ${this.#boots} of Linux ${this.#settings.kernel.release}\n`);
    const session = await GuestSession.boot(this.#settings, signal);
    this.#session = session;
    if (this.#atBoot !== undefined) await this.#prepare(session, this.#atBoot, signal);
    return session;
  }

  /** @throws GuestError where the command at boot fails, or ends the kernel. */
  async #prepare(session: GuestSession, command: string, signal: AbortSignal): Promise<void> {
    let output = '';
    session.machine.listen('output', (text) => {
      output = (output + text).slice(-shownOfOutput);
    });
    const kill = (): void => session.machine.kill();
    signal.addEventListener('abort', kill, { once: true });
    const end = await session.runCommand(command);
    signal.removeEventListener('abort', kill);
    if (end.kind === 'exited' && end.code === 0) return;
    const said = output.trim().split('\n').join(' | ');
    const how =
      end.kind === 'exited' ? `ended with ${end.code}` : `ended the guest: ${lastLines(session.machine.console)}`;
    throw new GuestError(`the command at boot ${how}${said === '' ? '' : `: ${said}`}`);
  }

  /** Where the disk is full the run ends at its records, which say so. */
  #append(text: string): void {
    try {
      appendFileSync(this.#log, text);
    } catch (error) {
      if (!this.#isLogBroken) process.stderr.write(`guest: kernel.log cannot be written: ${reasonOf(error)}\n`);
      this.#isLogBroken = true;
    }
  }

  async #drop(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    session?.machine.kill();
    await session?.machine.ended;
  }

  async #judge(session: GuestSession, job: HostJob, listener: HostListener, signal: AbortSignal): Promise<HostEnd> {
    const { machine } = session;
    const name = `job-${this.#boots}-${this.#jobs++}.json`;
    const scratch = `${guestDirectory}/scratch`;
    const guestJob: HostJob = { ...job, root: `${guestDirectory}/${outShare}`, scratch, parentPid: 1 };
    writeFileSync(join(this.#settings.control, name), JSON.stringify(guestJob));
    let hung: NodeJS.Timeout | undefined;
    let isHung = false;
    const conversation = new HostConversation(
      listener,
      budgets,
      (line) => machine.send('input', line),
      () => {
        if (signal.aborted) machine.kill();
        session.killRunning();
        hung ??= setTimeout(() => {
          isHung = true;
          machine.kill();
        }, killWithinMs);
      },
    );
    const stop = (): void => conversation.stop();
    signal.addEventListener('abort', stop, { once: true });
    let output = '';
    const from = machine.consoleMark;
    machine.listen('messages', (text) => conversation.received(text));
    machine.listen('output', (text) => {
      output = (output + text).slice(-shownOfOutput);
    });
    const words = [process.execPath, hostProgram, `${guestDirectory}/control/${name}`];
    const end = await session.run(
      `${pathWith(this.#settings.programs)}mkdir -p ${scratch} && cd ${shellLine([process.cwd()])} && ` +
        `exec ${shellLine(words)} <&5 ${messageDescriptor}>&6 5<&- 6>&- 9>&-\n`,
    );
    clearTimeout(hung);
    signal.removeEventListener('abort', stop);
    if (end.kind === 'guest-gone') await machine.ended;
    conversation.close();
    if (conversation.end?.kind === 'stopped') return conversation.end;
    if (end.kind === 'exited') {
      const why = `the host process in the guest ended by ${end.code > 128 ? `signal ${end.code - 128}` : `exit code ${end.code}`}`;
      return (
        conversation.end ?? {
          kind: 'died',
          why: `${why}${output.trim() === '' ? '' : `\n${output.trim()}`}`,
          cause: why,
        }
      );
    }
    const said = machine.consoleSince(from);
    if (isHung) {
      const seconds = Math.round((conversation.patienceMs + killWithinMs) / 1000);
      const signature = `nothing in the guest moved for ${seconds} s`;
      return { kind: 'kernel-died', death: { how: 'hang', signature, log: said.slice(-shownOfOutput) } };
    }
    if (machine.fatalSignal !== undefined) {
      const [last = 'it said nothing'] = machine.errors.split('\n').slice(-1);
      const signature = `QEMU ended by ${machine.fatalSignal}: ${last}`;
      return { kind: 'kernel-died', death: { how: 'crash', signature, log: machine.errors.slice(-shownOfOutput) } };
    }
    if (machine.isKilled) return { kind: 'died', why: `QEMU was killed\n${machine.errors}`, cause: 'QEMU was killed' };
    return { kind: 'kernel-died', death: kernelDeath(said) };
  }
}

/** A line of a script that puts directories ahead of the system's. */
function pathWith(directories: readonly string[]): string {
  return directories.map((directory) => `PATH=${shellLine([directory])}:$PATH && `).join('');
}

/** Whether the next host can run on the same kernel. */
function isClean({ kind }: HostEnd): boolean {
  return kind === 'completed' || kind === 'unusable' || kind === 'no-point';
}
