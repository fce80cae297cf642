import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import type { CacheDirectory } from './cache-directory.ts';
import { DebianPackages, hasDebianKeys } from './debian-packages.ts';
import { GuestError } from './guest-error.ts';
import { loadOrder, moduleInformation } from './module-information.ts';
import { runTool } from './tool-process.ts';

/** A Debian kernel with what the guest needs of its modules, and the headers to build others. */
export interface KernelFiles {
  /** `6.12.95+deb12-amd64` */
  readonly release: string;
  /** Path of the image. */
  readonly image: string;
  /** Path of a statically linked busybox. */
  readonly busybox: string;
  /** Paths of the modules, in the order in which they are loaded. */
  readonly modules: readonly string[];
  /** Paths of modules that are kept and not loaded in the guest, in the order in which they can be, on top of those. */
  readonly moreModules: readonly string[];
  /** Directory for `make -C`. */
  readonly headers: string;
}

export interface FetchOptions {
  readonly mirror: string;
  readonly signal: AbortSignal;
  say(line: string): void;
}

/** Names of modules, one a line: those that the guest loads, and those that are kept for other guests. */
interface ModuleLists {
  readonly loaded: string;
  readonly more: string;
}

interface PackageList {
  readonly suites: readonly string[];
  /** Pattern of the kernel's package, with one asterisk for its version. */
  readonly kernel: string;
  readonly programs: readonly string[];
}

const fixtures = new URL('../../../fixtures/kernel-guest/', import.meta.url);
/** Raised whenever what an entry holds changes. */
const layout = 2;
const megabyte = 1_000_000;
/** Packages and what they unpack to, before most of it is thrown away. */
const neededBytes = 420 * megabyte;
const progressEveryMs = 2_000;

/** The kernel of the cache, fetched now if it is missing. @throws GuestError with one line. */
export async function kernelFiles(cache: CacheDirectory, options: FetchOptions): Promise<KernelFiles> {
  const packageText = readFileSync(new URL('packages.json', fixtures), 'utf8');
  const lists: ModuleLists = {
    loaded: readFileSync(new URL('modules.txt', fixtures), 'utf8'),
    more: readFileSync(new URL('more-modules.txt', fixtures), 'utf8'),
  };
  const key = createHash('sha256')
    .update(`${layout}\n${packageText}\n${lists.loaded}\n${lists.more}`)
    .digest('hex')
    .slice(0, 12);
  const place = await cache.entry(
    () => newest(cache.entries().filter((name) => name.startsWith('kernel-') && name.endsWith(`-${key}`))),
    (directory) => fetch(directory, cache.path, key, JSON.parse(packageText) as PackageList, lists, options),
    (pid) => options.say(`waiting for process ${pid}, which fetches the kernel`),
  );
  return filesIn(place, key);
}

function filesIn(place: string, key: string): KernelFiles {
  const listed = (name: string): string[] =>
    readFileSync(join(place, 'modules', name), 'utf8')
      .trim()
      .split('\n')
      .map((module) => join(place, 'modules', module));
  return {
    release: basename(place).slice('kernel-'.length, -`-${key}`.length),
    image: join(place, 'vmlinuz'),
    busybox: join(place, 'busybox'),
    modules: listed('order'),
    moreModules: listed('more-order'),
    headers: join(place, 'headers'),
  };
}

async function fetch(
  directory: string,
  cachePath: string,
  key: string,
  list: PackageList,
  lists: ModuleLists,
  options: FetchOptions,
): Promise<string> {
  checkHost(directory);
  const { say, mirror, signal } = options;
  const began = performance.now();
  say(`fetching the lists of Debian's packages from ${mirror}`);
  const packages = new DebianPackages(join(directory, 'apt'), mirror, list.suites, signal);
  await packages.update();
  const release = newest(releases(await packages.names(list.kernel), list.kernel));
  if (release === undefined) throw new GuestError(`${mirror} has no package ${list.kernel}`);
  const version = release.replace(/-amd64$/, '');
  const names = [
    `linux-image-${release}`,
    `linux-headers-${release}`,
    `linux-headers-${version}-common`,
    `linux-kbuild-${version}`,
    ...list.programs,
  ];
  const bytes = await packages.bytes(names);
  say(`fetching Linux ${release} with its headers (${Math.round(bytes / megabyte)} MB)`);
  const root = join(directory, 'root');
  const stop = sayProgress(packages, bytes, say);
  try {
    await packages.fetch(names);
  } finally {
    stop();
  }
  say('unpacking');
  await packages.unpack(root);
  const place = `kernel-${release}-${key}`;
  await keepWhatIsNeeded(root, directory, release, join(cachePath, place), lists, signal);
  rmSync(root, { recursive: true });
  rmSync(join(directory, 'apt'), { recursive: true });
  say(`Linux ${release} is ready after ${Math.round((performance.now() - began) / 1000)} s`);
  return place;
}

function checkHost(directory: string): void {
  const missing = ['apt-get', 'apt-cache', 'dpkg-deb'].find((name) => !isCommand(name));
  if (missing !== undefined) {
    throw new GuestError(`${missing} is missing: the guest's kernel is fetched with the tools of Debian`);
  }
  if (!hasDebianKeys()) {
    throw new GuestError(
      'the keys of Debian, which verify downloads, are missing; run: sudo apt-get install debian-archive-keyring',
    );
  }
  const { bavail, bsize } = statfsSync(directory);
  if (bavail * bsize >= neededBytes) return;
  throw new GuestError(
    `no disk space for the kernel: ${Math.round((bavail * bsize) / megabyte)} MB are free at the cache, ` +
      `${neededBytes / megabyte} MB are needed while it is unpacked (--cache DIR names another place)`,
  );
}

/** Whether a program is in PATH. */
export function isCommand(name: string): boolean {
  return (process.env['PATH'] ?? '').split(':').some((directory) => existsSync(join(directory, name)));
}

/** `6.12.95+deb12-amd64` of each package that is called like the pattern; flavours (cloud, rt) have another dash. */
function releases(names: readonly string[], pattern: string): string[] {
  const prefix = 'linux-image-';
  return names
    .filter((name) => name.split('-').length === pattern.split('-').length)
    .map((name) => name.slice(prefix.length));
}

/** By the numbers in the names. */
function newest(names: readonly string[]): string | undefined {
  return [...names].sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1);
}

function sayProgress(packages: DebianPackages, total: number, say: (line: string) => void): () => void {
  const timer = setInterval(() => {
    const fetched = packages.fetchedBytes();
    if (fetched < total) say(`fetched ${Math.round(fetched / megabyte)} of ${Math.round(total / megabyte)} MB`);
  }, progressEveryMs);
  return () => clearInterval(timer);
}

/** Of the unpacked packages: the image, busybox, a few modules, decompressed, and the headers, at home in `place`. */
async function keepWhatIsNeeded(
  root: string,
  directory: string,
  release: string,
  place: string,
  lists: ModuleLists,
  signal: AbortSignal,
): Promise<void> {
  const busybox = join(directory, 'busybox');
  renameSync(join(root, 'boot', `vmlinuz-${release}`), join(directory, 'vmlinuz'));
  renameSync(join(root, 'bin', 'busybox'), busybox);
  await keepModules(join(root, 'lib', 'modules', release), join(directory, 'modules'), lists, busybox, signal);
  const sources = join(root, 'usr', 'src');
  const version = release.replace(/-amd64$/, '');
  const common = join(directory, 'headers-common');
  const headers = join(directory, 'headers');
  renameSync(join(sources, `linux-headers-${version}-common`), common);
  renameSync(join(sources, `linux-headers-${release}`), headers);
  const kbuild = join(root, 'usr', 'lib', `linux-kbuild-${version}`);
  for (const name of ['scripts', 'tools']) {
    for (const tree of [common, headers]) {
      rmSync(join(tree, name), { force: true });
      cpSync(join(kbuild, name), join(tree, name), { recursive: true, verbatimSymlinks: true });
    }
  }
  // Needed for type information alone, which our modules do without.
  rmSync(join(headers, 'vmlinux'), { force: true });
  writeFileSync(join(headers, 'Makefile'), `include ${join(place, 'headers-common', 'Makefile')}\n`);
}

async function keepModules(
  from: string,
  to: string,
  lists: ModuleLists,
  busybox: string,
  signal: AbortSignal,
): Promise<void> {
  mkdirSync(to);
  const paths = new Map(
    readdirSync(join(from, 'kernel'), { recursive: true, encoding: 'utf8' }).flatMap((path) => {
      const name = /([^/]*)\.ko\.xz$/.exec(path)?.[1];
      return name === undefined ? [] : [[name.replaceAll('-', '_'), join(from, 'kernel', path)] as const];
    }),
  );
  const [wanted, more] = [lists.loaded, lists.more].map((text) => text.trim().split('\n')) as [string[], string[]];
  const depends = new Map<string, readonly string[]>();
  const pending = [...wanted, ...more];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const path = paths.get(name);
    if (path === undefined || depends.has(name)) continue;
    const file = join(to, `${name}.ko`);
    const result = await runTool(busybox, ['xz', '-dc', path], { signal, outputTo: file });
    if (result.code !== 0 || statSync(file).size === 0) throw new GuestError(`${path} cannot be unpacked`);
    const needed = moduleInformation(readFileSync(file)).depends.map((other) => other.replaceAll('-', '_'));
    depends.set(name, needed);
    pending.push(...needed);
  }
  const order = loadOrder(wanted, (name) => depends.get(name));
  const moreOrder = loadOrder(more, (name) => depends.get(name)).filter((name) => !order.includes(name));
  writeFileSync(join(to, 'order'), order.map((name) => `${name}.ko\n`).join(''));
  writeFileSync(join(to, 'more-order'), moreOrder.map((name) => `${name}.ko\n`).join(''));
}
