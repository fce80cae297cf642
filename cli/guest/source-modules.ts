import { createHash } from 'node:crypto';
import { cpSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CacheDirectory } from './cache-directory.ts';
import type { FetchOptions, KernelFiles } from './kernel-files.ts';
import { type LinuxSource, linuxSource } from './linux-source.ts';
import { loadOrder, moduleInformation } from './module-information.ts';
import { buildModules } from './own-modules.ts';

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
      await fetchSources(directory, JSON.parse(list) as LinuxSource, options);
      cpSync(join(fixtures, 'Kbuild'), join(directory, 'Kbuild'));
      return name;
    },
    (pid) => options.say(`waiting for process ${pid}, which fetches the source of Linux`),
  );
  return inLoadOrder(await buildModules(place, kernel, cache, options));
}

async function fetchSources(directory: string, source: LinuxSource, options: FetchOptions): Promise<void> {
  const tree = await linuxSource(directory, source, options);
  for (const path of source.files) cpSync(join(tree, path), join(directory, basename(path)));
  rmSync(tree, { recursive: true });
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
