import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findCommand } from '../../drivers/iut-process/target-version.ts';
import { compilerPackages, instrumentation, type NativeBuild } from '../../fixtures/native-targets/native-build.ts';
import type { CacheDirectory } from '../guest/cache-directory.ts';
import { DebianPackages, hasDebianKeys } from '../guest/debian-packages.ts';
import { GuestError } from '../guest/guest-error.ts';
import { runTool } from '../guest/tool-process.ts';

const mirror = 'http://deb.debian.org/debian';
const own = fileURLToPath(new URL('../../../fixtures/native-targets/', import.meta.url)).replace(/\/$/, '');

export interface BuildPlace {
  readonly cache: CacheDirectory;
  readonly signal: AbortSignal;
  /** Told of what takes its time. */
  readonly say: (line: string) => void;
}

/**
 * The path of the program of a target, built where the cache does not have it from the same sources, flags and compiler.
 * @throws GuestError with one line.
 */
export async function nativeProgram(name: string, build: NativeBuild, place: BuildPlace): Promise<string> {
  const { cache, signal, say } = place;
  const waiting = (pid: number): void => say(`process ${pid} fills the cache: waiting for it`);
  checkTools(build);
  const installed = await installedVersion(build, signal);
  const source = await cache.entry(
    () => cache.entries().find((entry) => isSourceOf(entry, build, installed)),
    (directory) => fetchSource(build, installed, directory, place),
    waiting,
  );
  const version = basename(source).slice(sourcePrefix(build).length);
  const told = await flagsOf(build, version, signal);
  const flags = told.map((flag) => flag.replaceAll('{source}', source).replaceAll('{own}', own));
  const entry = `${name}-${await hashOf(build, told, signal)}`;
  const [program = ''] = build.ownFiles;
  const directory = await cache.entry(
    () => cache.entries().find((each) => each === entry),
    async (made) => {
      await compile(build, flags, source, made, place);
      return entry;
    },
    waiting,
  );
  return join(directory, programOf(program));
}

const programOf = (file: string): string => file.replace(/\.c$/, '');
const sourcePrefix = ({ source }: NativeBuild): string => `source-${source.package}-`;

function isSourceOf(entry: string, build: NativeBuild, installed: string | undefined): boolean {
  const prefix = sourcePrefix(build);
  return installed === undefined ? entry.startsWith(prefix) : entry === prefix + fileName(installed);
}

/** A version may have an epoch. */
const fileName = (version: string): string => version.replace(/^\d+:/, '');

function checkTools({ packages }: NativeBuild): void {
  const missing = ['clang', 'pkg-config', 'dpkg-source'].filter((tool) => findCommand(tool) === undefined);
  if (missing.length === 0) return;
  throw new GuestError(`${missing.join(', ')} missing; ${remedy(packages)}`);
}

const remedy = (packages: readonly string[]): string =>
  `run: sudo apt-get install --no-install-recommends ${[...compilerPackages, 'pkg-config', ...packages].join(' ')}`;

/** The version of the source of the package whose headers are used. */
async function installedVersion({ source, packages }: NativeBuild, signal: AbortSignal): Promise<string | undefined> {
  if (source.installed === undefined) return undefined;
  const { code, output } = await runTool('dpkg-query', ['-s', source.installed], { signal });
  const version = /^Source: \S+ \((\S+)\)$/m.exec(output)?.[1] ?? /^Version: (\S+)$/m.exec(output)?.[1];
  if (code !== 0 || version === undefined)
    throw new GuestError(`${source.installed} is not installed; ${remedy(packages)}`);
  return version;
}

async function fetchSource(
  build: NativeBuild,
  installed: string | undefined,
  directory: string,
  { signal, say }: BuildPlace,
): Promise<string> {
  const { package: name, suite, kept } = build.source;
  if (!hasDebianKeys())
    throw new GuestError(`the source of ${name} cannot be verified: debian-archive-keyring is missing`);
  say(`fetching the source of ${name}${installed === undefined ? '' : ` ${installed}`} from ${mirror}`);
  const apt = join(directory, 'apt');
  mkdirSync(apt);
  const packages = new DebianPackages(apt, mirror, [suite ?? suiteOfSystem()], signal, 'deb-src');
  await packages.update();
  const whole = join(directory, 'whole');
  await packages.source(name, installed, whole);
  const changelog = readFileSync(join(whole, 'debian', 'changelog'), 'utf8');
  const version = installed ?? /\(([^)]+)\)/.exec(changelog)?.[1] ?? 'unknown';
  for (const path of kept) cpSync(join(whole, path), join(directory, path), { recursive: true, dereference: true });
  for (const each of [apt, whole]) rmSync(each, { recursive: true, force: true });
  return sourcePrefix(build) + fileName(version);
}

function suiteOfSystem(): string {
  const name = /^VERSION_CODENAME=(\w+)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
  if (name === undefined) throw new GuestError('/etc/os-release names no suite of Debian');
  return name;
}

async function flagsOf(build: NativeBuild, version: string, signal: AbortSignal): Promise<string[]> {
  const ofPackage = build.pkgConfig === undefined ? [] : await packageFlags(build, build.pkgConfig, signal);
  return [...instrumentation, `-DSOURCE_VERSION="${version}"`, ...ofPackage, ...build.flags];
}

async function packageFlags({ packages }: NativeBuild, name: string, signal: AbortSignal): Promise<string[]> {
  const { code, output } = await runTool('pkg-config', ['--cflags', name], { signal });
  if (code !== 0) throw new GuestError(`pkg-config does not know ${name}; ${remedy(packages)}`);
  return output.trim().split(/\s+/);
}

/**
 * Of all that decides what the program is, but the source of Debian, whose version is among the flags. Places are none of
 * it: two working copies of this project have one program.
 */
async function hashOf(build: NativeBuild, flags: readonly string[], signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([build, flags]));
  hash.update((await runTool('clang', ['--version'], { signal })).output);
  const files = readdirSync(own).filter((file) => file.endsWith('.h') || build.ownFiles.includes(file));
  for (const file of files.sort()) hash.update(readFileSync(join(own, file)));
  return hash.digest('hex').slice(0, 16);
}

async function compile(
  build: NativeBuild,
  flags: readonly string[],
  source: string,
  directory: string,
  { signal, say }: BuildPlace,
): Promise<void> {
  const files = [...build.files.map((file) => join(source, file)), ...build.ownFiles.map((file) => join(own, file))];
  const waiting = [...files];
  const objectOf = (file: string): string => join(directory, `${basename(file)}.o`);
  const work = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      say(`compiling ${basename(file)} (${files.length - waiting.length} of ${files.length})`);
      await clang([...flags, '-c', file, '-o', objectOf(file)], build, signal);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  const program = join(directory, programOf(build.ownFiles[0] ?? ''));
  await clang([...instrumentation, ...files.map(objectOf), ...build.libraries, '-o', program], build, signal);
  for (const file of files) rmSync(objectOf(file));
}

async function clang(words: readonly string[], { packages }: NativeBuild, signal: AbortSignal): Promise<void> {
  const { code, errors } = await runTool('clang', words, { signal });
  if (code === 0) return;
  const why = errors.split('\n').find((line) => /error|cannot find|undefined reference/.test(line)) ?? errors.trim();
  throw new GuestError(`clang: ${why}; if something is missing, ${remedy(packages)}`);
}
