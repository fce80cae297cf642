import { readFileSync } from 'node:fs';
import { endOrphans } from './orphans.ts';

/** By this variable of the environment a process is known as that of an IUT: its value is a number of ours. */
const iutVariable = 'VHOST_CONFORMANCE_IUT';

/** Pids of the IUTs that run, by the value of their variable. */
const running = new Map<string, number>();
let lastStarted = 0;

/** A value of the variable that no other process has. */
export const newIutNumber = (): string => `${process.pid}.${++lastStarted}`;

/** Ours, with words untranslated, what is told of it, and its number. */
export function iutEnvironment(number: string, told: Readonly<Record<string, string>>): Record<string, string> {
  const ours = Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
  return { ...Object.fromEntries(ours), LC_ALL: 'C', ...told, [iutVariable]: number };
}

export const isRunningAs = (number: string, pid: number): void => void running.set(number, pid);

/** The process of the number is gone, and what it left behind is ended. */
export function endedAs(number: string): void {
  running.delete(number);
  endOrphans(isOfRunning);
}

/** What lives of an IUT that runs: its process, or one that was started by it and left behind. */
function isOfRunning(pid: number): boolean {
  for (const [value, root] of running)
    if (pid === root || environmentOf(pid).includes(`${iutVariable}=${value}\0`)) return true;
  return false;
}

function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1');
  } catch {
    // It ended meanwhile.
    return '';
  }
}
