import { type Command, InvalidArgumentError, Option } from 'commander';
import { Interruption } from '../interruption.ts';
import { ScratchDirectory } from '../scratch-directory.ts';
import { UsageError } from '../usage-error.ts';
import { CacheDirectory, defaultCachePath } from './cache-directory.ts';
import { GuestError } from './guest-error.ts';
import { GuestSession, type GuestSettings } from './guest-session.ts';
import { runShellCommand } from './guest-shell.ts';
import { isCommand, type KernelFiles, kernelFiles } from './kernel-files.ts';
import { buildModules, namedModuleDirectory, ownModuleDirectories, withOptions } from './own-modules.ts';
import { type Acceleration, accelerationNames } from './virtual-machine.ts';

/** The options of `guest` as they were typed. */
interface GuestOptions {
  readonly shell?: string;
  readonly moduleDir: readonly string[];
  readonly moduleOption: readonly string[];
  readonly kernelOption: readonly string[];
  readonly cache?: string;
  readonly debianMirror: string;
  readonly bootLimit: number;
  readonly console: boolean;
  readonly accel: Acceleration;
}

const qemu = 'qemu-system-x86_64';

/** Gives a command the arguments and options of `guest`. */
export function addGuestCommand(command: Command, setExitCode: (code: number) => void): void {
  command
    .argument('[command...]', 'after --: "run" with its targets and options')
    .option('--shell <command>', 'run this shell command in the guest, from the present directory')
    .option(
      '--module-dir <dir>',
      'build and load this kernel module, instead of our own (several allowed)',
      collect,
      [],
    )
    .option('--module-option <name=value>', 'a parameter of the modules (several allowed)', collect, [])
    .option('--kernel-option <word>', "a word for the kernel's command line (several allowed)", collect, [])
    .option('--cache <dir>', `where the kernel is kept (default: ${defaultCachePath()})`)
    .option('--debian-mirror <url>', 'where the kernel is fetched from', 'http://deb.debian.org/debian')
    .addOption(new Option('--boot-limit <seconds>', 'until the guest is ready').argParser(seconds).default(60))
    .addOption(new Option('--accel <name>', "QEMU's accelerator").choices(accelerationNames).default('tcg'))
    .option('--console', "show the kernel's console on standard error", false)
    .action(async (words: string[], options: GuestOptions) => setExitCode(await guest(words, options)));
}

async function guest(words: readonly string[], options: GuestOptions): Promise<number> {
  if (options.shell === undefined || words.length > 0) {
    throw new UsageError('guest: say --shell COMMAND');
  }
  if (!isCommand(qemu)) {
    throw new UsageError(`${qemu} is not there; run: sudo apt-get install --no-install-recommends qemu-system-x86`);
  }
  const aborter = new AbortController();
  const interruption = new Interruption(() => aborter.abort());
  const scratch = new ScratchDirectory();
  try {
    const settings = await prepared(options, scratch.path, aborter.signal);
    const session = await GuestSession.boot(settings, aborter.signal);
    return await runShellCommand(session, options.shell, options.console);
  } catch (error) {
    if (interruption.happened && error instanceof GuestError) return interruption.exitCode;
    throw error;
  } finally {
    scratch.remove();
    interruption.stopListening();
  }
}

async function prepared(options: GuestOptions, control: string, signal: AbortSignal): Promise<GuestSettings> {
  const say = (line: string): void => void process.stderr.write(`guest: ${line}\n`);
  const directories =
    options.moduleDir.length > 0 ? options.moduleDir.map(namedModuleDirectory) : ownModuleDirectories();
  const cache = new CacheDirectory(options.cache ?? defaultCachePath());
  const kernel: KernelFiles = await kernelFiles(cache, { mirror: options.debianMirror, signal, say });
  const modules: string[] = [];
  for (const directory of directories) modules.push(...(await buildModules(directory, kernel, cache, { signal, say })));
  const loaded = withOptions(modules, options.moduleOption);
  say(`booting Linux ${kernel.release}`);
  return {
    qemu,
    acceleration: options.accel,
    kernel,
    modules: loaded,
    kernelOptions: options.kernelOption,
    bootLimitMs: options.bootLimit * 1000,
    control,
    shares: new Map(),
    onConsole: (text) => {
      if (options.console) process.stderr.write(text);
    },
  };
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

function seconds(text: string): number {
  if (!/^\d+$/.test(text) || Number(text) < 1) throw new InvalidArgumentError('Not a number of seconds.');
  return Number(text);
}
