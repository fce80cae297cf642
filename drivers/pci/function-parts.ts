import type { HostFiles } from './host-files.ts';

/** What the kernel has made of a function: names below /sys/class. */
export interface FunctionParts {
  readonly interfaces: readonly string[];
  /** Disks and their partitions. */
  readonly blocks: readonly string[];
}

const isBelow = (path: string | undefined, directory: string): boolean => path?.startsWith(`${directory}/`) === true;

/** @param directory where sysfs shows the function. */
export function partsOf(directory: string, files: HostFiles): FunctionParts {
  const own = files.real(directory) ?? directory;
  const of = (kind: string): string[] =>
    files.names(`/sys/class/${kind}`).filter((name) => isBelow(files.real(`/sys/class/${kind}/${name}`), own));
  return { interfaces: of('net'), blocks: of('block') };
}

/** An interface with those that stand on it: bonds, bridges, VLANs. */
export function withUppers(name: string, files: HostFiles): string[] {
  const seen = new Set<string>();
  const add = (one: string): void => {
    if (seen.has(one)) return;
    seen.add(one);
    for (const link of files.names(`/sys/class/net/${one}`)) {
      if (link.startsWith('upper_')) add(link.slice('upper_'.length));
    }
  };
  add(name);
  return [...seen];
}
