import { createHash } from 'node:crypto';
import { accessSync, constants, readFileSync, realpathSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import type { TargetFacts } from '../port/target-facts.ts';
import type { Target } from '../target.ts';
import { printedBy } from './brief-process.ts';

const versionWithinMs = 5000;

/** Where a command would be run from; undefined when it is nowhere in PATH. */
export function findCommand(command: string, path: string = process.env['PATH'] ?? ''): string | undefined {
  const candidates = command.includes('/')
    ? [command]
    : path.split(delimiter).map((directory) => join(directory === '' ? '.' : directory, command));
  for (const candidate of candidates) {
    try {
      accessSync(candidate, constants.X_OK);
      const real = realpathSync(candidate);
      if (isAbsolute(real)) return real;
    } catch {
      // Not here.
    }
  }
  return undefined;
}

/** The version in what a program prints of itself: the number behind the word, else the first dotted number. */
export function versionIn(text: string): string | undefined {
  const named = /version:?\s+'?(?:[A-Za-z]+\s+)?(\d+(?:\.\d+)+[^\s']*)/i.exec(text);
  return named?.[1] ?? /\b\d+(?:\.\d+)+\b/.exec(text)?.[0];
}

/** What the program says of its version; `unknown` where it says nothing. */
export function targetVersion(target: Target): string {
  const [command, ...parameters] = target.versionCommand ?? [];
  if (command === undefined) return 'unknown';
  return versionIn(printedBy(command, parameters, versionWithinMs)) ?? 'unknown';
}

/** SHA-256 of the program, in hexadecimal; undefined where it cannot be read. */
export function binaryHash(command: string): string | undefined {
  const path = findCommand(command);
  if (path === undefined) return undefined;
  try {
    return createHash('sha256').update(readFileSync(path)).digest('hex');
  } catch {
    return undefined;
  }
}

/** The facts of a target, with the version and the program as they are on this machine. */
export function targetFacts(target: Target): TargetFacts {
  const hash = target.start === undefined ? undefined : binaryHash(target.start.command);
  const version = targetVersion(target);
  return hash === undefined ? { ...target.facts, version } : { ...target.facts, version, binaryHash: hash };
}
