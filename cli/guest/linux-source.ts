import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DebianPackages } from './debian-packages.ts';
import { GuestError } from './guest-error.ts';
import type { FetchOptions } from './kernel-files.ts';
import { runTool } from './tool-process.ts';

export interface LinuxSource {
  /** Debian's package of the source, which holds one archive. */
  readonly package: string;
  readonly suites: readonly string[];
  /** Paths in the tree of Linux, of files and of directories. */
  readonly files: readonly string[];
}

/**
 * Fetches Debian's package of the source of Linux, of which the named files are kept below `directory/tree`. Returns that path.
 * @throws GuestError with one line.
 */
export async function linuxSource(directory: string, source: LinuxSource, options: FetchOptions): Promise<string> {
  const { mirror, signal, say } = options;
  say(`fetching ${source.package} from ${mirror} (153 MB)`);
  const packages = new DebianPackages(join(directory, 'apt'), mirror, source.suites, signal);
  await packages.update();
  await packages.fetch([source.package]);
  const root = join(directory, 'root');
  await packages.unpack(root);
  const archive = join(root, 'usr', 'src', `${source.package}.tar.xz`);
  if (!existsSync(archive)) throw new GuestError(`${source.package} holds no ${basename(archive)}`);
  const tree = join(directory, 'tree');
  mkdirSync(tree);
  const members = source.files.map((path) => `${source.package}/${path}`);
  const result = await runTool('tar', ['-xJf', archive, '-C', tree, '--strip-components=1', ...members], { signal });
  if (result.code !== 0) throw new GuestError(`${basename(archive)} cannot be unpacked: ${result.errors.trim()}`);
  for (const name of ['apt', 'root']) rmSync(join(directory, name), { recursive: true });
  return tree;
}
