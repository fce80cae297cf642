import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CacheDirectory } from './cache-directory.ts';
import { DebianPackages } from './debian-packages.ts';
import { GuestError } from './guest-error.ts';
import type { FetchOptions, KernelFiles } from './kernel-files.ts';
import { loadOrder, moduleInformation } from './module-information.ts';
import { buildModules } from './own-modules.ts';
import { runTool } from './tool-process.ts';

interface Sources {
  readonly package: string;
  readonly suites: readonly string[];
  /** Paths in the tree of Linux. */
  readonly files: readonly string[];
}

const fixtures = fileURLToPath(new URL('../../../fixtures/kernel-guest/source-modules/', import.meta.url));

/**
 * Modules of Linux that Debian's kernel leaves out, in the order in which they are loaded: their source is fetched once, and
 * they are built for the kernel of the guest. @throws GuestError with one line.
 */
export async function sourceModules(
  kernel: KernelFiles,
  cache: CacheDirectory,
  options: FetchOptions,
): Promise<string[]> {
  const list = readFileSync(join(fixtures, 'sources.json'), 'utf8');
  const kbuild = readFileSync(join(fixtures, 'Kbuild'));
  const hash = createHash('sha256').update(`${kernel.release}\n${list}\n`).update(kbuild).digest('hex').slice(0, 16);
  const name = `sources-${hash}`;
  const place = await cache.entry(
    () => cache.entries().find((entry) => entry === name),
    async (directory) => {
      await fetchSources(directory, JSON.parse(list) as Sources, options);
      cpSync(join(fixtures, 'Kbuild'), join(directory, 'Kbuild'));
      return name;
    },
    (pid) => options.say(`waiting for process ${pid}, which fetches the source of Linux`),
  );
  return inLoadOrder(await buildModules(place, kernel, cache, options));
}

async function fetchSources(directory: string, sources: Sources, options: FetchOptions): Promise<void> {
  const { mirror, signal, say } = options;
  say(`fetching ${sources.package} from ${mirror} (153 MB)`);
  const packages = new DebianPackages(join(directory, 'apt'), mirror, sources.suites, signal);
  await packages.update();
  await packages.fetch([sources.package]);
  const root = join(directory, 'root');
  await packages.unpack(root);
  const archive = join(root, 'usr', 'src', `${sources.package}.tar.xz`);
  if (!existsSync(archive)) throw new GuestError(`${sources.package} holds no ${basename(archive)}`);
  const tree = join(directory, 'tree');
  mkdirSync(tree);
  const members = sources.files.map((path) => `${sources.package}/${path}`);
  const result = await runTool('tar', ['-xJf', archive, '-C', tree, '--strip-components=1', ...members], { signal });
  if (result.code !== 0) throw new GuestError(`${basename(archive)} cannot be unpacked: ${result.errors.trim()}`);
  for (const path of sources.files) cpSync(join(tree, path), join(directory, basename(path)));
  for (const name of ['apt', 'root', 'tree']) rmSync(join(directory, name), { recursive: true });
}

/** Those that others need come first. */
function inLoadOrder(paths: readonly string[]): string[] {
  const information = new Map(
    paths.map((path) => {
      const { name, depends } = moduleInformation(readFileSync(path));
      return [name, { path, depends }] as const;
    }),
  );
  return loadOrder([...information.keys()], (name) => information.get(name)?.depends).flatMap(
    (name) => information.get(name)?.path ?? [],
  );
}
