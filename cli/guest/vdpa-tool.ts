import { createHash } from 'node:crypto';
import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Target } from '../../drivers/target.ts';
import type { CacheDirectory } from './cache-directory.ts';
import { DebianPackages } from './debian-packages.ts';
import type { FetchOptions } from './kernel-files.ts';

interface ToolPackages {
  readonly suites: readonly string[];
  readonly packages: readonly string[];
}

const list = new URL('../../../fixtures/kernel-guest/vdpa-tool.json', import.meta.url);
const libraries = 'usr/lib/x86_64-linux-gnu';
const kept = ['ld-linux-x86-64.so.2', 'libc.so.6', 'libmnl.so.0'];
/** Raised whenever what an entry holds changes. */
const layout = 1;

/** Whether a target is made with words that the tool of Debian's stable release of the guest does not know. */
export const needsNewerTool = ({ reach }: Target): boolean =>
  reach.via === 'vhost-vdpa' && 'created' in reach && reach.created.parameters['device_features'] !== undefined;

/**
 * A directory with a newer `vdpa`, of another suite of Debian, which runs with libraries of its own: unpacked in the cache
 * and not installed. @throws GuestError with one line.
 */
export async function vdpaTool(cache: CacheDirectory, { mirror, signal, say }: FetchOptions): Promise<string> {
  const text = readFileSync(list, 'utf8');
  const name = `vdpa-tool-${createHash('sha256').update(`${layout}\n${text}`).digest('hex').slice(0, 12)}`;
  const { suites, packages } = JSON.parse(text) as ToolPackages;
  return await cache.entry(
    () => cache.entries().find((entry) => entry === name),
    async (directory) => {
      say(`fetching iproute2 of ${suites.join(', ')} from ${mirror}`);
      const debian = new DebianPackages(join(directory, 'apt'), mirror, suites, signal);
      await debian.update();
      await debian.fetch(packages);
      const root = join(directory, 'root');
      await debian.unpack(root);
      keep(root, directory);
      for (const left of ['apt', 'root']) rmSync(join(directory, left), { recursive: true });
      return name;
    },
    (pid) => say(`waiting for process ${pid}, which fetches iproute2`),
  );
}

/** A shell gives it the path by which it was found. */
const script = [
  '#!/bin/sh',
  'own=$(dirname "$0")/own',
  'exec "$own/ld-linux-x86-64.so.2" --library-path "$own" "$own/vdpa" "$@"',
];

function keep(root: string, directory: string): void {
  const own = join(directory, 'own');
  mkdirSync(own);
  for (const file of kept) cpSync(join(root, libraries, file), join(own, file), { dereference: true });
  cpSync(join(root, 'usr/sbin/vdpa'), join(own, 'vdpa'), { dereference: true });
  writeFileSync(join(directory, 'vdpa'), `${script.join('\n')}\n`);
  chmodSync(join(directory, 'vdpa'), 0o755);
}
