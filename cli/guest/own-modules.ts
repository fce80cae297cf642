import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UsageError } from '../usage-error.ts';
import type { CacheDirectory } from './cache-directory.ts';
import { GuestError } from './guest-error.ts';
import { isCommand, type KernelFiles } from './kernel-files.ts';
import { moduleInformation } from './module-information.ts';
import { runTool } from './tool-process.ts';

/** A module that the guest loads, with its options. */
export interface LoadedModule {
  readonly path: string;
  /** `NAME=VALUE` */
  readonly options: readonly string[];
}

const fixtures = fileURLToPath(new URL('../../../fixtures/kernel-modules/', import.meta.url));
const isSource = /^(Kbuild|Makefile|.*\.[chS])$/;

/** The directories below fixtures/kernel-modules that hold a module. */
export function ownModuleDirectories(): string[] {
  if (!existsSync(fixtures)) return [];
  return readdirSync(fixtures)
    .map((name) => join(fixtures, name))
    .filter((path) => existsSync(join(path, 'Makefile')))
    .sort();
}

/** A directory that was named for its module. @throws UsageError where it has no Makefile. */
export function namedModuleDirectory(text: string): string {
  const path = resolve(text);
  if (existsSync(join(path, 'Makefile'))) return path;
  throw new UsageError(`--module-dir ${text}: has no Makefile of a kernel module`);
}

/**
 * Builds the modules of a directory for a kernel, unless the cache has them.
 * @returns paths of the modules. @throws GuestError with the compiler's first error.
 */
export async function buildModules(
  source: string,
  kernel: KernelFiles,
  cache: CacheDirectory,
  options: { readonly signal: AbortSignal; say(line: string): void },
): Promise<string[]> {
  const hash = createHash('sha256').update(kernel.headers);
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter(
      (path) => isSource.test(basename(path)) && !path.endsWith('.mod.c') && statSync(join(source, path)).isFile(),
    )
    .sort();
  for (const path of files) hash.update(`\n${path}\n`).update(readFileSync(join(source, path)));
  const name = `modules-${hash.digest('hex').slice(0, 16)}`;
  const place = await cache.entry(
    () => cache.entries().find((entry) => entry === name),
    async (directory) => {
      options.say(`building ${basename(source)} for Linux ${kernel.release}`);
      await build(source, files, join(directory, 'build'), directory, kernel, options.signal);
      return name;
    },
    (pid) => options.say(`waiting for process ${pid}, which builds a module`),
  );
  return readdirSync(place)
    .filter((file) => file.endsWith('.ko'))
    .map((file) => join(place, file));
}

async function build(
  source: string,
  files: readonly string[],
  directory: string,
  into: string,
  kernel: KernelFiles,
  signal: AbortSignal,
): Promise<void> {
  const missing = ['make', 'gcc'].find((name) => !isCommand(name));
  if (missing !== undefined) {
    throw new GuestError(
      `${missing} is missing, which builds ${basename(source)}; run: sudo apt-get install build-essential`,
    );
  }
  mkdirSync(directory);
  for (const path of files) cpSync(join(source, path), join(directory, path));
  const result = await runTool(
    'make',
    ['-C', kernel.headers, `M=${directory}`, 'CONFIG_DEBUG_INFO_BTF_MODULES=', 'modules'],
    { signal },
  );
  if (result.code !== 0) {
    const said = `${result.errors}\n${result.output}`.replaceAll(`${directory}/`, '');
    const [first = said.trim()] = said
      .split('\n')
      .filter((line) => /error|No such file|No space left|not found/i.test(line));
    throw new GuestError(`${basename(source)} cannot be built: ${first.trim()}`);
  }
  for (const file of readdirSync(directory).filter((name) => name.endsWith('.ko'))) {
    cpSync(join(directory, file), join(into, file));
  }
  rmSync(directory, { recursive: true });
}

/**
 * Gives each module the options that it has parameters for.
 * @param options `NAME=VALUE`. @throws UsageError for one that no module has.
 */
export function withOptions(paths: readonly string[], options: readonly string[]): LoadedModule[] {
  const modules = paths.map((path) => ({ path, parameters: moduleInformation(readFileSync(path)).parameters }));
  const known = modules.flatMap(({ parameters }) => parameters);
  for (const option of options) {
    const [name = ''] = option.split('=');
    if (!/^\w+=\S+$/.test(option)) throw new UsageError(`--module-option ${option}: write NAME=VALUE, without blanks`);
    if (known.includes(name)) continue;
    const list = known.length === 0 ? 'there are none' : `there are ${known.join(', ')}`;
    throw new UsageError(`--module-option ${option}: no module has a parameter ${name}; ${list}`);
  }
  return modules.map(({ path, parameters }) => ({
    path,
    options: options.filter((option) => parameters.includes(option.split('=')[0] ?? '')),
  }));
}
