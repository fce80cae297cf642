import { existsSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import type { JudgingMachine } from '../../certificates/environment.ts';
import type { Target } from '../../drivers/target.ts';
import { targets as allTargets, targetByName } from '../../fixtures/targets/index.ts';
import { VhostConformanceError } from '../../reference-impl/errors.ts';
import { makeDirectory } from '../../reports/record/run-directory.ts';
import { visibleText } from '../../reports/visible-text.ts';
import { allCases } from '../../suites/all-cases.ts';
import { addCertifyOptions } from '../certificates/certificate-commands.ts';
import type { CertifyOptions } from '../certificates/certificate-options.ts';
import { printDryRun } from '../dry-run.ts';
import { Interruption } from '../interruption.ts';
import { oneLine } from '../one-line.ts';
import { requestedRun } from '../requested-run.ts';
import { rootOfRun, runPlan } from '../run-command.ts';
import { addRunOptions } from '../run-options.ts';
import type { RunOptions } from '../run-request.ts';
import { firstMissing } from '../run-store.ts';
import { ScratchDirectory } from '../scratch-directory.ts';
import { complain } from '../terminal.ts';
import { UsageError } from '../usage-error.ts';
import { CacheDirectory } from './cache-directory.ts';
import { defaultCachePath } from './cache-path.ts';
import { GuestError } from './guest-error.ts';
import { hardwareOf } from './guest-hardware.ts';
import { machineOfGuest } from './guest-machine.ts';
import type { GuestOptions } from './guest-options.ts';
import { GuestPlace } from './guest-place.ts';
import { GuestSession, type GuestSettings } from './guest-session.ts';
import { runShellCommand } from './guest-shell.ts';
import { isCommand, type KernelFiles, kernelFiles } from './kernel-files.ts';
import { buildModules, namedModuleDirectory, ownModuleDirectories, withOptions } from './own-modules.ts';
import { sourceModules } from './source-modules.ts';
import { needsNewerTool, vdpaTool } from './vdpa-tool.ts';

const qemu = 'qemu-system-x86_64';

interface PreparedOptions extends GuestOptions {
  /** Whether the modules are loaded that Debian's kernel leaves out. */
  readonly sourceModules?: boolean;
  /** Whether vDPA devices are made by a newer tool than the system's. */
  readonly newerVdpaTool?: boolean;
}

/** `guest`: does what its words ask for. Returns the exit code. @throws UsageError, GuestError */
export async function workInGuest(words: readonly string[], options: GuestOptions): Promise<number> {
  const [first, ...rest] = words;
  if (options.shell === undefined && (options.drivers || options.hardwareOf.length > 0)) {
    throw new UsageError('guest: --hardware-of and --drivers go with --shell');
  }
  if (options.atBoot !== undefined && first !== 'run' && first !== 'certify')
    throw new UsageError('guest: --at-boot goes with -- run or -- certify');
  if (options.prepare) {
    if (first !== undefined || options.shell !== undefined)
      throw new UsageError('guest: --prepare cannot be combined with other work');
    return await withSettings(options, async () => 0);
  }
  if (options.shell !== undefined) {
    if (first !== undefined) throw new UsageError(`guest: either --shell or ${first}, not both`);
    return await shellInGuest(options.shell, options);
  }
  if (first === undefined)
    throw new UsageError('guest: say what is to run there: -- run TARGET…, -- certify TARGET…, or --shell COMMAND');
  if (first === 'certify') return await certifyInGuest(rest, options);
  if (first !== 'run') throw new UsageError(`guest: only run and certify are done in the guest, not ${first}`);
  return await runInGuest(rest, options);
}

/** Functions of the machine, or modules that Debian's kernel leaves out. */
const hasHardware = ({ guest, reach }: Target): boolean => guest !== undefined || reach.via === 'vhost-vdpa';
const needsSources = ({ reach }: Target): boolean => reach.via === 'vhost-vdpa';

/** @throws UsageError for a target that has none. */
function targetWithHardware(name: string): Target {
  const target = targetByName(name);
  if (target !== undefined && hasHardware(target)) return target;
  const known = allTargets.filter(hasHardware).map(({ facts }) => facts.name);
  throw new UsageError(`--hardware-of ${name}: is no target with hardware; there are ${known.join(', ')}`);
}

function withHardware(settings: GuestSettings, targets: readonly Target[]): GuestSettings {
  const { qemu: words, kernelOptions } = hardwareOf(targets, join(settings.control, 'hardware'));
  return { ...settings, hardware: words, kernelOptions: [...settings.kernelOptions, ...kernelOptions] };
}

async function shellInGuest(command: string, options: GuestOptions): Promise<number> {
  const targets = options.hardwareOf.map(targetWithHardware);
  return await withSettings({ ...options, sourceModules: targets.some(needsSources) }, async (settings, signal) => {
    process.stderr.write(`guest: booting Linux ${settings.kernel.release}\n`);
    const session = await GuestSession.boot(withHardware(settings, targets), signal);
    return await runShellCommand(session, command, options.console);
  });
}

function wordsOfCommand<Options extends object>(name: string, command: Command, words: readonly string[]) {
  command.exitOverride().configureOutput({
    outputError: (text, write) => write(`vhost-conformance: guest -- ${name}: ${oneLine(text)}\n`),
  });
  command.parse([...words], { from: 'user' });
  return { names: command.args, options: command.opts<Options>() };
}

async function runInGuest(words: readonly string[], options: GuestOptions): Promise<number> {
  const run = wordsOfCommand<RunOptions>('run', addRunOptions(new Command('run')), words);
  return await judgeInGuest(run.names, run.options, options);
}

async function certifyInGuest(words: readonly string[], options: GuestOptions): Promise<number> {
  const given = wordsOfCommand<CertifyOptions>('certify', addCertifyOptions(new Command('certify')), words);
  const { certify } = await import('../certificates/certify.ts');
  return await certify(given.names, given.options, {
    command: 'guest',
    judge: async (names, run, _targets, pciIds) => {
      let machine: JudgingMachine | undefined;
      const code = await judgeInGuest(names, run, options, async (settings, signal) => {
        machine = await machineOfGuest(settings, pciIds, signal);
      });
      return { code, machine };
    },
  });
}

/** A run in the guest. @param before done first, with the guest that is booted for it. */
async function judgeInGuest(
  names: readonly string[],
  run: RunOptions,
  options: GuestOptions,
  before?: (settings: GuestSettings, signal: AbortSignal) => Promise<void>,
): Promise<number> {
  // All that was typed is looked at before anything is fetched.
  const { request, resumed } = requestedRun(names, run, 'guest');
  if (request.options.dryRun) {
    printDryRun(request, process.stdout);
    return 0;
  }
  const root = rootOfRun(request, resumed);
  const newerVdpaTool = request.targets.some(({ target }) => needsNewerTool(target));
  return await withSettings(
    { ...options, sourceModules: request.targets.some(({ target }) => needsSources(target)), newerVdpaTool },
    async (settings, signal, stopListening) => {
      const targets = request.targets.map(({ target }) => target);
      const equipped = withHardware(settings, targets);
      await before?.(equipped, signal);
      const removeIfUnused = emptyRunDirectory(root);
      try {
        const place = new GuestPlace(equipped, root, {
          runWords: ['guest', ...wordsOf(options), '--', 'run'],
          atBoot: options.atBoot,
        });
        stopListening();
        return await runPlan(request, allCases, resumed, place, root);
      } finally {
        removeIfUnused();
      }
    },
  );
}

/**
 * Makes a directory that the guest can mount before there is anything to write.
 * @returns what removes it again, unless results came.
 */
function emptyRunDirectory(root: string): () => void {
  const made = firstMissing(root);
  try {
    makeDirectory(root);
  } catch (error) {
    throw new UsageError(`--out ${root}: cannot be made: ${error instanceof Error ? error.message : String(error)}`);
  }
  return () => {
    if (existsSync(join(root, 'results.jsonl'))) return;
    rmSync(made ?? join(root, 'kernel.log'), { recursive: true, force: true });
  };
}

/** Does something with a guest that can be booted; the first signal that asks us to end aborts it. */
async function withSettings(
  options: PreparedOptions,
  use: (settings: GuestSettings, signal: AbortSignal, stopListening: () => void) => Promise<number>,
): Promise<number> {
  if (!isCommand(qemu)) {
    throw new UsageError(`${qemu} is missing; run: sudo apt-get install --no-install-recommends qemu-system-x86`);
  }
  const aborter = new AbortController();
  const interruption = new Interruption(() => aborter.abort());
  const scratch = new ScratchDirectory();
  try {
    const settings = await prepared(options, scratch.path, aborter.signal);
    return await use(settings, aborter.signal, () => interruption.stopListening());
  } catch (error) {
    if (interruption.happened && error instanceof GuestError) return interruption.exitCode;
    if (error instanceof VhostConformanceError || !(error instanceof Error) || !('syscall' in error)) throw error;
    throw new GuestError(`a file of the guest cannot be read or written: ${error.message}`);
  } finally {
    scratch.remove();
    interruption.stopListening();
  }
}

/** The words that ask for the same guest again. */
function wordsOf(options: GuestOptions): string[] {
  return [
    ...options.moduleDir.flatMap((directory) => ['--module-dir', resolve(directory)]),
    ...options.moduleOption.flatMap((option) => ['--module-option', option]),
    ...(options.atBoot === undefined ? [] : ['--at-boot', options.atBoot]),
    ...options.kernelOption.flatMap((word) => ['--kernel-option', word]),
    ...(options.accel === 'tcg' ? [] : ['--accel', options.accel]),
    ...(options.cache === undefined ? [] : ['--cache', resolve(options.cache)]),
  ];
}

async function prepared(options: PreparedOptions, control: string, signal: AbortSignal): Promise<GuestSettings> {
  const say = (line: string): void => complain(`guest: ${line}`);
  const directories =
    options.moduleDir.length > 0 ? options.moduleDir.map(namedModuleDirectory) : ownModuleDirectories();
  const cache = new CacheDirectory(options.cache ?? defaultCachePath());
  const kernel: KernelFiles = await kernelFiles(cache, { mirror: options.debianMirror, signal, say });
  const modules: string[] = [];
  for (const directory of directories) modules.push(...(await buildModules(directory, kernel, cache, { signal, say })));
  if (options.sourceModules) {
    modules.push(...(await sourceModules(kernel, cache, { mirror: options.debianMirror, signal, say })));
  }
  const loaded = withOptions(modules, options.moduleOption);
  return {
    qemu,
    acceleration: options.accel,
    kernel,
    modules: [...(options.drivers ? kernel.moreModules.map((path) => ({ path, options: [] })) : []), ...loaded],
    kernelOptions: options.kernelOption,
    hardware: [],
    programs: options.newerVdpaTool ? [await vdpaTool(cache, { mirror: options.debianMirror, signal, say })] : [],
    bootLimitMs: options.bootLimit * 1000,
    control,
    shares: new Map(),
    onConsole: (text) => {
      if (options.console) process.stderr.write(visibleText(text));
    },
  };
}
