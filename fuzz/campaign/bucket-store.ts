import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Finding, findingText } from '../executor/finding.ts';
import { printProgram } from '../program/print-program.ts';
import { type Program, ProgramError } from '../program/program.ts';
import { decodeProgram, encodeProgram } from '../program/program-encoding.ts';
import { removeTemporary, temporaryName } from './atomic-file.ts';

/** A cause that a campaign found, with the least program that shows it. */
export interface Bucket {
  readonly name: string;
  readonly program: Program;
  /** What runs before it on the same process, where it shows nothing alone. */
  readonly before: readonly Program[];
  readonly finding: Finding;
  /** Of so many runs, each on a fresh process, how many showed it. */
  readonly shown: number;
  readonly runs: number;
  /** Whether the program lost its last needless call and argument. */
  readonly isMinimal: boolean;
  /** Programs that ran before it was found. */
  readonly afterRuns: number;
}

/** A bucket of an earlier campaign, or of this one. */
export interface KnownBucket {
  readonly name: string;
  readonly program: Program;
}

/** The command that runs a program again, behind others. */
export type ReplayWords = (path: string, before: readonly string[]) => string;

/** What is kept beside a bucket. */
export interface AboutBucket {
  /** How long the campaign had run when it was found. */
  readonly afterMs: number;
  /** A C program that shows it. */
  readonly inC?: string | undefined;
}

const programFile = 'program.pb';

/**
 * The buckets of a campaign, a directory each: the program, its text, and what was found. Campaigns may share them: a
 * directory appears whole, and of two that found the same cause one keeps it.
 */
export class BucketStore {
  readonly #directory: string;
  readonly #replayWords: ReplayWords;
  readonly #known = new Map<string, KnownBucket>();

  constructor(directory: string, replayWords: ReplayWords) {
    this.#directory = directory;
    this.#replayWords = replayWords;
    mkdirSync(directory, { recursive: true });
    removeTemporary(directory);
    this.load();
  }

  get known(): ReadonlyMap<string, KnownBucket> {
    return this.#known;
  }

  /** Takes what other campaigns have found. Returns the buckets that were not known. */
  load(): KnownBucket[] {
    const found: KnownBucket[] = [];
    for (const name of readdirSync(this.#directory).sort()) {
      if (name.startsWith('.') || this.#known.has(name)) continue;
      const program = programIn(join(this.#directory, name));
      if (program === undefined) continue;
      this.#known.set(name, { name, program });
      found.push({ name, program });
    }
    return found;
  }

  /** False where another campaign found it first, and keeps it. */
  add(bucket: Bucket, about: AboutBucket): boolean {
    const { name, program } = bucket;
    const place = join(this.#directory, name);
    const written = join(this.#directory, temporaryName(name));
    rmSync(written, { recursive: true, force: true });
    mkdirSync(written);
    this.#write(written, place, bucket, about);
    const isOurs = moved(written, place);
    this.#known.set(name, { name, program: isOurs ? program : (programIn(place) ?? program) });
    return isOurs;
  }

  #write(written: string, place: string, bucket: Bucket, { afterMs, inC }: AboutBucket): void {
    const { name, program, before, finding, shown, runs, isMinimal, afterRuns } = bucket;
    const earlier = before.map((one, at) => ({ file: `before-${at + 1}.pb`, one }));
    for (const { file, one } of earlier) writeFileSync(join(written, file), encodeProgram(one));
    if (inC !== undefined) writeFileSync(join(written, 'program.c'), inC);
    const told = {
      bucket: name,
      kind: finding.kind,
      what: findingText(finding),
      ...('requirement' in finding ? { requirement: finding.requirement } : {}),
      ...(finding.kind === 'crash' ? { exit: finding.exit } : {}),
      ...(finding.kind === 'report' ? { report: finding.report } : {}),
      shown,
      runs,
      isMinimal,
      afterRuns,
      afterMs: Math.round(afterMs),
      replay: this.#replayWords(
        join(place, programFile),
        earlier.map(({ file }) => join(place, file)),
      ),
    };
    writeFileSync(join(written, 'program.txt'), printProgram(program));
    writeFileSync(join(written, 'finding.json'), `${JSON.stringify(told, undefined, 2)}\n`);
    writeFileSync(join(written, programFile), encodeProgram(program));
  }
}

/** Gives a directory its name, as long as no other has it. */
function moved(written: string, place: string): boolean {
  try {
    renameSync(written, place);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    rmSync(written, { recursive: true, force: true });
    return false;
  }
}

/** The program of a bucket; undefined for a directory that is none. */
function programIn(directory: string): Program | undefined {
  const path = join(directory, programFile);
  if (!existsSync(path)) return undefined;
  try {
    return decodeProgram(readFileSync(path));
  } catch (error) {
    if (error instanceof ProgramError) return undefined;
    throw error;
  }
}
