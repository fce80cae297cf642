import { constants } from 'node:os';
import type { ProcessEnd } from '../native/native.ts';
import type { IutExit } from '../port/port.ts';

const signalNames = new Map<number, string>();
for (const [name, number] of Object.entries(constants.signals)) {
  if (!signalNames.has(number)) signalNames.set(number, name);
}

/** `SIGSEGV` and the like; `signal N` for a real-time signal. */
function signalName(signal: number): string {
  return signalNames.get(signal) ?? `signal ${signal}`;
}

export function exitOf(end: ProcessEnd): IutExit {
  return end.signal === undefined ? { code: end.code ?? -1 } : { signal: signalName(end.signal) };
}

/** For a person: `killed by SIGSEGV`, `exit code 1`. */
export function describeExit(exit: IutExit): string {
  if (exit.signal !== undefined) return `killed by ${exit.signal}`;
  return exit.code === undefined ? 'ended, and only its owner sees how' : `exit code ${exit.code}`;
}
