import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseProgram } from '../program/parse-program.ts';
import { type Program, ProgramError } from '../program/program.ts';
import { decodeProgram, encodeProgram } from '../program/program-encoding.ts';
import { removeTemporary, writeAtomically } from './atomic-file.ts';

/** Entries that a corpus holds: what comes later is not kept. */
const mostEntries = 4096;
const mostFileBytes = 1 << 20;

/** Programs that reached something new. Each is a file, named by its contents, so that campaigns may share a directory. */
export class Corpus {
  readonly #directory: string;
  readonly #programs: Program[] = [];
  readonly #names = new Set<string>();

  /** Makes the directory where it is missing. */
  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true });
    removeTemporary(directory);
  }

  get programs(): readonly Program[] {
    return this.#programs;
  }

  /** Takes what other campaigns, or an earlier one, have put into the directory. Returns the programs that were not known. */
  load(): readonly Program[] {
    const found: Program[] = [];
    for (const file of readdirSync(this.#directory).sort()) {
      const name = file.replace(/\.pb$/, '');
      if (name === file && !file.endsWith('.txt')) continue;
      if (this.#names.has(name) || this.#programs.length >= mostEntries) continue;
      const program = readEntry(join(this.#directory, file));
      if (program === undefined) continue;
      this.#names.add(name);
      this.#programs.push(program);
      found.push(program);
    }
    return found;
  }

  /** False where it was there, or there is no room. */
  add(program: Program): boolean {
    const bytes = encodeProgram(program);
    const name = createHash('sha256').update(bytes).digest('hex').slice(0, 24);
    if (this.#names.has(name) || this.#programs.length >= mostEntries) return false;
    writeAtomically(this.#directory, `${name}.pb`, bytes);
    this.#names.add(name);
    this.#programs.push(program);
    return true;
  }
}

/** The program of a file; undefined for a file that is none. */
function readEntry(path: string): Program | undefined {
  try {
    if (statSync(path).size > mostFileBytes) return undefined;
    const bytes = readFileSync(path);
    return path.endsWith('.txt') ? parseProgram(bytes.toString('utf8')) : decodeProgram(bytes);
  } catch (error) {
    // Another campaign, or its user, may have removed it since it was listed.
    if (error instanceof ProgramError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
