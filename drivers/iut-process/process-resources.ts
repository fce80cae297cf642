import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { IutResources } from '../port/port.ts';
import { processTree } from './process-tree.ts';

/** `socket:[123]` and `pipe:[123]` become their kind, `/memfd:name (deleted)` becomes `memfd:name`. */
export function identityOfLink(link: string): string {
  const numbered = /^(socket|pipe):\[\d+\]$/.exec(link);
  if (numbered?.[1] !== undefined) return numbered[1];
  const memoryFile = /^\/memfd:(.*?)(?: \(deleted\))?$/.exec(link);
  if (memoryFile?.[1] !== undefined) return `memfd:${memoryFile[1]}`;
  return link;
}

/** Counts of mapped memory files by name, from the text of /proc/PID/maps. */
export function memoryFileMappings(maps: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const line of maps.split('\n')) {
    const name = /\s\/memfd:(.*?)(?: \(deleted\))?$/.exec(line)?.[1];
    if (name !== undefined) counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

/** Bytes of anonymous pages, from the text of /proc/PID/status. */
export const anonymousMemory = (status: string): number =>
  1024 * Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);

/**
 * Whether AddressSanitizer watches a process, from the text of /proc/PID/maps: its shadow ends there. It keeps what the
 * process has freed, so that its pages say nothing of what it holds.
 */
export const isAddressSanitized = (maps: string): boolean => /^[0-9a-f]+-10007fff8000 /m.test(maps);

const descriptorsOf = (pid: number): { descriptor: number; link: string }[] =>
  readdirSync(`/proc/${pid}/fd`).flatMap((name) => {
    try {
      return [{ descriptor: Number(name), link: readlinkSync(`/proc/${pid}/fd/${name}`) }];
    } catch {
      // Closed between being listed and being read.
      return [];
    }
  });

/** What the process and its descendants hold; undefined when the process is not there or not ours to look at. */
export function resourcesOf(pid: number): IutResources | undefined {
  const byIdentity: Record<string, number> = {};
  const mappings: Record<string, number> = {};
  let descriptors = 0;
  let memory = 0;
  let isTold = true;
  let readable = false;
  for (const each of processTree(pid)) {
    try {
      for (const { link } of descriptorsOf(each)) {
        const identity = identityOfLink(link);
        byIdentity[identity] = (byIdentity[identity] ?? 0) + 1;
        descriptors++;
      }
      const maps = readFileSync(`/proc/${each}/maps`, 'latin1');
      isTold &&= !isAddressSanitized(maps);
      for (const [name, count] of Object.entries(memoryFileMappings(maps))) {
        mappings[name] = (mappings[name] ?? 0) + count;
      }
      memory += anonymousMemory(readFileSync(`/proc/${each}/status`, 'latin1'));
      readable = true;
    } catch {
      // Ended meanwhile, or of another user.
    }
  }
  return readable ? { descriptors, byIdentity, mappings, ...(isTold ? { memory } : {}) } : undefined;
}
