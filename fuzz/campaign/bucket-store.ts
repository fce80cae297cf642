import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Finding, findingText } from '../executor/finding.ts';
import { printProgram } from '../program/print-program.ts';
import { type Program, ProgramError } from '../program/program.ts';
import { decodeProgram, encodeProgram } from '../program/program-encoding.ts';
import { removeTemporary, temporaryName, writeAtomically } from './atomic-file.ts';
import { type ToldFinding, toldFinding } from './told-finding.ts';

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

/** A bucket as its directory has it. */
export interface KeptBucket {
  readonly name: string;
  readonly program: Program;
  readonly before: readonly Program[];
  readonly told: ToldFinding;
}

/** A bucket of an earlier campaign, or of this one. */
export interface KnownBucket {
  readonly name: string;
  readonly program: Program;
  /** No smaller program is looked for: it is the least one, or shows nothing without others before it. */
  readonly isFinished: boolean;
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
const findingFile = 'finding.json';
const beforeFile = (at: number): string => `before-${at + 1}.pb`;

const isFinished = ({ told, before }: KeptBucket): boolean => told.isMinimal || before.length > 0;

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
      const known = knownIn(this.#directory, name);
      if (known === undefined) continue;
      this.#known.set(name, known);
      found.push(known);
    }
    return found;
  }

  /** False where another campaign found it first, and keeps it. */
  add(bucket: Bucket, { afterMs, inC }: AboutBucket): boolean {
    return this.keep(keptOf(bucket, afterMs), inC);
  }

  /** Keeps a bucket as another directory had it. False where there is one of that name. */
  keep(bucket: KeptBucket, inC?: string): boolean {
    const { name, program } = bucket;
    const place = join(this.#directory, name);
    const written = join(this.#directory, temporaryName(name));
    rmSync(written, { recursive: true, force: true });
    mkdirSync(written);
    for (const [file, contents] of this.#files(place, bucket, inC)) writeFileSync(join(written, file), contents);
    const isOurs = moved(written, place);
    const theirs = isOurs ? undefined : knownIn(this.#directory, name);
    this.#known.set(name, theirs ?? { name, program, isFinished: isFinished(bucket) });
    return isOurs;
  }

  /**
   * A smaller program takes the place of the one that a bucket has: one file after another, each of which shows it. When it
   * was found stays.
   */
  replace(bucket: Bucket, inC: string | undefined): void {
    this.exchange(keptOf(bucket, 0), inC);
  }

  /** The same with a bucket as another directory has it. */
  exchange(bucket: KeptBucket, inC?: string): void {
    const { name, program } = bucket;
    const place = join(this.#directory, name);
    const { afterMs = 0, afterRuns = bucket.told.afterRuns } = findingIn(place) ?? {};
    const kept = { ...bucket, told: { ...bucket.told, afterMs, afterRuns } };
    for (const [file, contents] of this.#files(place, kept, inC)) writeAtomically(place, file, contents);
    this.#known.set(name, { name, program, isFinished: isFinished(kept) });
  }

  #files(
    place: string,
    { name, program, before, told }: KeptBucket,
    inC: string | undefined,
  ): readonly [string, string | Uint8Array][] {
    const earlier = before.map((one, at) => ({ file: beforeFile(at), one }));
    const finding = {
      bucket: name,
      ...told,
      replay: this.#replayWords(
        join(place, programFile),
        earlier.map(({ file }) => join(place, file)),
      ),
    };
    return [
      ...earlier.map(({ file, one }) => [file, encodeProgram(one)] as [string, Uint8Array]),
      ...(inC === undefined ? [] : [['program.c', inC] as [string, string]]),
      ['program.txt', printProgram(program)],
      [findingFile, `${JSON.stringify(finding, undefined, 2)}\n`],
      [programFile, encodeProgram(program)],
    ];
  }
}

function keptOf({ name, program, before, finding, ...rest }: Bucket, afterMs: number): KeptBucket {
  const { shown, runs, isMinimal, afterRuns } = rest;
  const told = {
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
  };
  return { name, program, before, told };
}

/** The whole buckets in a directory, by name. */
export function keptBuckets(directory: string): KeptBucket[] {
  return readdirSync(directory)
    .sort()
    .flatMap((name) => {
      const place = join(directory, name);
      const program = name.startsWith('.') ? undefined : programIn(place);
      const told = toldFinding.safeParse(findingIn(place));
      return program === undefined || !told.success
        ? []
        : [{ name, program, before: beforeIn(place), told: told.data }];
    });
}

/** Writes a known bucket into a directory, for a campaign that is to know it. */
export function layOutBucket(directory: string, { name, program, isFinished }: KnownBucket): void {
  const place = join(directory, name);
  mkdirSync(place);
  writeFileSync(join(place, findingFile), JSON.stringify({ isMinimal: isFinished }));
  writeFileSync(join(place, programFile), encodeProgram(program));
}

function beforeIn(place: string): Program[] {
  const before: Program[] = [];
  for (let at = 0; ; at++) {
    const program = programIn(place, beforeFile(at));
    if (program === undefined) return before;
    before.push(program);
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

/** Undefined for a directory that is no bucket. */
function knownIn(directory: string, name: string): KnownBucket | undefined {
  const place = join(directory, name);
  const program = programIn(place);
  if (program === undefined) return undefined;
  const isAlone = !existsSync(join(place, beforeFile(0)));
  return { name, program, isFinished: !isAlone || findingIn(place)?.isMinimal !== false };
}

function programIn(place: string, file = programFile): Program | undefined {
  const path = join(place, file);
  if (!existsSync(path)) return undefined;
  try {
    return decodeProgram(readFileSync(path));
  } catch (error) {
    if (error instanceof ProgramError) return undefined;
    throw error;
  }
}

/** What is told of a bucket; undefined where that cannot be read. */
function findingIn(place: string): { isMinimal?: boolean; afterMs?: number; afterRuns?: number } | undefined {
  try {
    const told: unknown = JSON.parse(readFileSync(join(place, findingFile), 'utf8'));
    return typeof told === 'object' && told !== null ? told : undefined;
  } catch {
    return undefined;
  }
}
