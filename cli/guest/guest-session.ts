import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { shellLine } from '../shell-words.ts';
import type { Acceleration } from './acceleration.ts';
import { GuestError } from './guest-error.ts';
import { initramfs } from './initramfs.ts';
import type { KernelFiles } from './kernel-files.ts';
import type { LoadedModule } from './own-modules.ts';
import { VirtualMachine } from './virtual-machine.ts';

/** Where the guest keeps its shares and what is ours. */
export const guestDirectory = '/run/vhost-conformance';

export interface GuestSettings {
  readonly qemu: string;
  readonly acceleration: Acceleration;
  readonly kernel: KernelFiles;
  readonly modules: readonly LoadedModule[];
  readonly kernelOptions: readonly string[];
  /** Words of QEMU for what is judged. */
  readonly hardware: readonly string[];
  /** Directories of the host whose programs come before those of the system, in what is judged. */
  readonly programs: readonly string[];
  /** Until the guest is ready for its first order. */
  readonly bootLimitMs: number;
  /** A directory for orders and answers, also the guest's share `control`. */
  readonly control: string;
  /** Other directories that the guest can write to, by their names below `guestDirectory`. */
  readonly shares: ReadonlyMap<string, string>;
  /** Gets the kernel's log. */
  onConsole(text: string): void;
}

/** How something that was started in the guest ended. */
export type GuestEnd =
  | { readonly kind: 'exited'; readonly code: number }
  /** The kernel or QEMU ended before. */
  | { readonly kind: 'guest-gone' };

const fixtures = new URL('../../../fixtures/kernel-guest/', import.meta.url);
const settleMs = 20;
const endWithinMs = 10_000;
const shownLines = 4;

/** A booted kernel that takes orders, one after another. */
export class GuestSession {
  readonly machine: VirtualMachine;
  readonly #control: string;
  #line = '';
  #expected: ((line: string) => void) | undefined;
  #started = 0;

  private constructor(settings: GuestSettings) {
    this.#control = settings.control;
    const image = join(settings.control, 'initramfs');
    rmSync(join(settings.control, 'ended'), { force: true });
    writeFileSync(image, firstFileSystem(settings));
    this.machine = new VirtualMachine(
      settings.qemu,
      {
        acceleration: settings.acceleration,
        kernel: settings.kernel.image,
        initramfs: image,
        kernelOptions: settings.kernelOptions,
        hardware: settings.hardware,
        shares: new Map([['control', settings.control], ...settings.shares]),
      },
      settings.onConsole,
    );
    this.machine.listen('control', (text) => {
      const lines = (this.#line + text).split('\n');
      this.#line = lines.pop() ?? '';
      for (const line of lines) this.#expected?.(line);
    });
  }

  /** Boots a guest. @throws GuestError with the last lines of the console where it does not come up. */
  static async boot(settings: GuestSettings, signal: AbortSignal): Promise<GuestSession> {
    const session = new GuestSession(settings);
    const kill = (): void => session.machine.kill();
    signal.addEventListener('abort', kill, { once: true });
    if (signal.aborted) kill();
    const answer = await session.#answer(settings.bootLimitMs);
    if (answer === 'ready') return session;
    const ended = session.machine.isEnded;
    session.machine.kill();
    await session.machine.ended;
    if (signal.aborted) throw new GuestError('the guest was interrupted while it booted');
    throw session.#notBooted(answer, ended, settings.bootLimitMs);
  }

  /** Runs a shell script, once at a time. Its descriptors: 1 and 2 the port `output`, 5 `input`, 6 `messages`. */
  async run(script: string): Promise<GuestEnd> {
    const file = `script-${this.#started++}`;
    writeFileSync(join(this.#control, file), script);
    const answered = this.#answer(undefined);
    this.machine.send('control', `start ${file}\n`);
    const answer = await answered;
    // What it said before its end is on the way through other ports.
    await new Promise((resolve) => setTimeout(resolve, settleMs));
    const code = /^exited (\d+)$/.exec(answer ?? '')?.[1];
    return code === undefined ? { kind: 'guest-gone' } : { kind: 'exited', code: Number(code) };
  }

  /** Runs a shell command from the present directory; its output goes to the port `output`. */
  runCommand(command: string): Promise<GuestEnd> {
    return this.run(`cd ${shellLine([process.cwd()])} && exec sh -c ${shellLine([command])} 5<&- 6>&-\n`);
  }

  /** Ends what runs. */
  killRunning(): void {
    this.machine.send('kill', 'kill\n');
  }

  /** Ends the guest. True when QEMU's exit and a file in the share both say that the guest shut down. */
  async end(): Promise<boolean> {
    this.machine.send('control', 'end\n');
    const timer = setTimeout(() => this.machine.kill(), endWithinMs);
    await this.machine.ended;
    clearTimeout(timer);
    return this.machine.isEndedByGuest && existsSync(join(this.#control, 'ended'));
  }

  /** The next line of the guest; undefined when it is gone or silent for so long. */
  async #answer(withinMs: number | undefined): Promise<string | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const line = new Promise<string | undefined>((resolve) => {
      this.#expected = resolve;
      if (withinMs !== undefined) timer = setTimeout(() => resolve(undefined), withinMs);
    });
    const answer = await Promise.race([line, this.machine.ended.then(() => undefined)]);
    clearTimeout(timer);
    this.#expected = undefined;
    return answer;
  }

  #notBooted(answer: string | undefined, ended: boolean, limitMs: number): GuestError {
    const { console, errors } = this.machine;
    if (answer !== undefined) return new GuestError(`the guest is not ready: ${answer.replace(/^failed /, '')}`);
    if (console.trim() === '' && ended) return new GuestError(`QEMU did not start the guest: ${errors}`);
    const how = ended ? 'ended' : `was not ready after ${limitMs / 1000} s`;
    const said = console.trim() === '' ? 'nothing' : lastLines(console);
    return new GuestError(`the kernel does not boot: it ${how}; its console said last: ${said}`);
  }
}

/** The end of a console, on one line: of a panic, the lines before its trace. */
export function lastLines(console: string): string {
  const lines = console.trim().split('\n');
  const panic = lines.findIndex((line) => line.includes('Kernel panic'));
  const end = panic === -1 ? lines.length : panic + 1;
  return lines.slice(Math.max(0, end - shownLines), end).join(' | ');
}

function firstFileSystem({ kernel, modules, shares }: GuestSettings): Buffer {
  const file = (path: string, content: Uint8Array | string, isExecutable = false) => ({
    path,
    content: typeof content === 'string' ? Buffer.from(content) : content,
    isExecutable,
  });
  const lines = [
    ...['control', ...shares.keys()].map((name) => `share ${name}`),
    ...modules.map(({ path, options }) => ['module', basename(path), ...options].join(' ')),
  ];
  return initramfs([
    { path: 'bin' },
    file('bin/busybox', readFileSync(kernel.busybox), true),
    file('init', readFileSync(new URL('init.sh', fixtures)), true),
    file('agent.sh', readFileSync(new URL('agent.sh', fixtures))),
    file('guest.conf', `${lines.join('\n')}\n`),
    { path: 'modules' },
    file('modules/order', kernel.modules.map((path) => `${basename(path)}\n`).join('')),
    ...kernel.modules.map((path) => file(`modules/${basename(path)}`, readFileSync(path))),
    { path: 'own-modules' },
    ...modules.map(({ path }) => file(`own-modules/${basename(path)}`, readFileSync(path))),
  ]);
}
