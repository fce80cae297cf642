import { createHash } from 'node:crypto';
import { accessSync, constants, createReadStream, realpathSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import type { Target } from '../target.ts';
import { printedBy } from './brief-process.ts';

const versionWithinMs = 5000;
const pieceBytes = 0x10_0000;

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
export async function binaryHash(command: string): Promise<string | undefined> {
  const path = findCommand(command);
  if (path === undefined) return undefined;
  const hash = createHash('sha256');
  try {
    for await (const piece of createReadStream(path, { highWaterMark: pieceBytes })) hash.update(piece);
  } catch {
    return undefined;
  }
  return hash.digest('hex');
}
