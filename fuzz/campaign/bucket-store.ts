import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Finding, findingText } from '../executor/finding.ts';
import { printProgram } from '../program/print-program.ts';
import type { Program } from '../program/program.ts';
import { decodeProgram, encodeProgram } from '../program/program-encoding.ts';
import { writeAtomically } from './atomic-file.ts';

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

const programFile = 'program.pb';

/** The buckets of a campaign, a directory each: the program, its text, and what was found. */
export class BucketStore {
  readonly #directory: string;
  readonly #replayWords: ReplayWords;
  readonly #known = new Map<string, KnownBucket>();

  constructor(directory: string, replayWords: ReplayWords) {
    this.#directory = directory;
    this.#replayWords = replayWords;
    mkdirSync(directory, { recursive: true });
    for (const name of readdirSync(directory).sort()) {
      const path = join(directory, name, programFile);
      if (existsSync(path)) this.#known.set(name, { name, program: decodeProgram(readFileSync(path)) });
    }
  }

  get known(): ReadonlyMap<string, KnownBucket> {
    return this.#known;
  }

  /** @param inC a C program that shows it. */
  add(bucket: Bucket, inC?: string): void {
    const { name, program, before, finding, shown, runs, isMinimal, afterRuns } = bucket;
    const directory = join(this.#directory, name);
    const path = join(directory, programFile);
    mkdirSync(directory, { recursive: true });
    writeAtomically(join(directory, 'program.txt'), printProgram(program));
    const earlier = before.map((_, at) => join(directory, `before-${at + 1}.pb`));
    for (const [at, file] of earlier.entries()) writeAtomically(file, encodeProgram(before[at] as Program));
    if (inC !== undefined) writeAtomically(join(directory, 'program.c'), inC);
    const told = {
      bucket: name,
      kind: finding.kind,
      what: findingText(finding),
      ...(finding.kind === 'crash' ? { exit: finding.exit } : {}),
      shown,
      runs,
      isMinimal,
      afterRuns,
      replay: this.#replayWords(path, earlier),
    };
    writeAtomically(join(directory, 'finding.json'), `${JSON.stringify(told, undefined, 2)}\n`);
    // Last: a directory without it is no bucket.
    writeAtomically(path, encodeProgram(program));
    this.#known.set(name, { name, program });
  }
}
