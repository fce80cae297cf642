import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Program } from '../program/program.ts';
import { encodeProgram } from '../program/program-encoding.ts';

export const journalName = 'current.pb';

/** The program that runs, as a file: what a killed campaign was about is there behind it. */
export class Journal {
  readonly #file: number;

  constructor(directory: string) {
    this.#file = openSync(join(directory, journalName), 'w');
  }

  begins(program: Program): void {
    const bytes = encodeProgram(program);
    ftruncateSync(this.#file, bytes.length);
    writeSync(this.#file, bytes, 0, bytes.length, 0);
  }

  close(): void {
    ftruncateSync(this.#file, 0);
    closeSync(this.#file);
  }
}
