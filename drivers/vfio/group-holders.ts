import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Processes that hold a file open, as far as /proc lets us see: `123 (qemu-system-x86)` each. */
export function holdersOf(path: string): string[] {
  return entries('/proc')
    .filter((name) => /^\d+$/.test(name) && holds(name, path))
    .map((pid) => `${pid} (${nameOf(pid)})`);
}

const entries = (directory: string): string[] => {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
};

function holds(pid: string, path: string): boolean {
  const descriptors = `/proc/${pid}/fd`;
  return entries(descriptors).some((descriptor) => {
    try {
      return readlinkSync(`${descriptors}/${descriptor}`) === path;
    } catch {
      return false;
    }
  });
}

function nameOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return 'gone';
  }
}
