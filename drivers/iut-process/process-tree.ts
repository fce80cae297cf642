import { readdirSync, readFileSync } from 'node:fs';

/** USER_HZ: the unit of times in /proc/PID/stat is a hundredth of a second on every Linux that node runs on. */
const millisecondsPerTick = 10;

const readText = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    // The process or thread ended between being listed and being read.
    return undefined;
  }
};

/** Children of the process; empty when it is not there. */
export const childrenOf = (pid: number): number[] => {
  let threads: string[];
  try {
    threads = readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
  return threads.flatMap((thread) =>
    (readText(`/proc/${pid}/task/${thread}/children`) ?? '')
      .split(' ')
      .filter((each) => each !== '')
      .map(Number),
  );
};

/** The process and all that descend from it, itself first; empty when it is not there. */
export function processTree(pid: number): number[] {
  if (readText(`/proc/${pid}/stat`) === undefined) return [];
  const tree = [pid];
  for (const each of tree) tree.push(...childrenOf(each).filter((child) => !tree.includes(child)));
  return tree;
}

/** Fields of /proc/PID/stat after the command name, which may hold blanks and brackets itself. */
const statFields = (pid: number): string[] | undefined => {
  const text = readText(`/proc/${pid}/stat`);
  return text?.slice(text.lastIndexOf(')') + 2).split(' ');
};

const PF_EXITING = 4;

/** Whether the process has begun to end: a zombie, or with the kernel's exit flag set. True when it is not there. */
export function isExiting(pid: number): boolean {
  const fields = statFields(pid);
  const state = fields?.[0];
  if (fields === undefined || state === 'Z' || state === 'X') return true;
  // `flags` is field 9 of the line.
  return (Number(fields[6] ?? 0) & PF_EXITING) !== 0;
}

/**
 * CPU time in milliseconds of the process, its descendants, and those of them that ended and were waited for.
 * Undefined when the process is not there. Resolution 10 ms.
 */
export function cpuTimeOfTreeMs(pid: number): number | undefined {
  const tree = processTree(pid);
  if (tree.length === 0) return undefined;
  let ticks = 0;
  for (const each of tree) {
    const fields = statFields(each);
    if (fields === undefined) continue;
    // utime, stime, cutime, cstime: fields 14 to 17 of the line, of which the first two are cut off.
    for (const at of [11, 12, 13, 14]) ticks += Number(fields[at] ?? 0);
  }
  return ticks * millisecondsPerTick;
}
