import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Program, ProgramError } from '../program/program.ts';
import { decodeProgram, encodeProgram } from '../program/program-encoding.ts';
import { writeAtomically } from './atomic-file.ts';

const ending = '.pb';

/** Programs that showed a finding which was not looked into: a campaign that was killed, or had no time, begins with them. */
export class Untriaged {
  readonly #directory: string;
  /** Those of this campaign that are still to be looked into. */
  readonly #open = new Set<string>();

  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true });
  }

  add(name: string, program: Program): void {
    writeAtomically(this.#directory, `${name}${ending}`, encodeProgram(program));
    this.#open.add(name);
  }

  isOpen(name: string): boolean {
    return this.#open.has(name);
  }

  remove(name: string): void {
    this.#open.delete(name);
    rmSync(this.#path(name), { force: true });
  }

  all(): { readonly name: string; readonly program: Program }[] {
    return readdirSync(this.#directory)
      .filter((file) => file.endsWith(ending))
      .sort()
      .flatMap((file) => {
        const name = file.slice(0, -ending.length);
        try {
          return [{ name, program: decodeProgram(readFileSync(this.#path(name))) }];
        } catch (error) {
          if (error instanceof ProgramError) return [];
          throw error;
        }
      });
  }

  #path(name: string): string {
    return join(this.#directory, `${name}${ending}`);
  }
}
