import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { RecordError } from './record-error.ts';
import { reasonOf } from './record-writer.ts';

/** Paths of the files of one run. A report is made from these alone. */
export interface RunDirectory {
  readonly root: string;
  readonly results: string;
  readonly catalogue: string;
  readonly plan: string;
  readonly traces: string;
  readonly report: string;
}

export function runDirectory(root: string): RunDirectory {
  return {
    root,
    results: join(root, 'results.jsonl'),
    catalogue: join(root, 'catalogue.json'),
    plan: join(root, 'plan.json'),
    traces: join(root, 'traces'),
    report: join(root, 'report.html'),
  };
}

/**
 * Makes the directory of a new run.
 * @throws RunClaimedError where it holds the results of another run; RecordError where it cannot be made.
 */
export function createRunDirectory(root: string): RunDirectory {
  const directory = runDirectory(root);
  if (existsSync(directory.results)) throw new RunClaimedError(root);
  try {
    makeDirectory(directory.traces);
    closeSync(openSync(directory.results, 'wx', 0o644));
  } catch (cause) {
    if (isThere(cause)) throw new RunClaimedError(root, { cause });
    throw new RecordError(root, `cannot be made (${reasonOf(cause)})`, { cause });
  }
  return directory;
}

/** The directory belongs to another run: of two that start together only one may write there. */
export class RunClaimedError extends RecordError {
  constructor(root: string, options?: ErrorOptions) {
    super(root, 'already holds the results of a run', options);
  }
}

const isThere = (cause: unknown): boolean => cause instanceof Error && 'code' in cause && cause.code === 'EEXIST';

/** @throws RecordError where there are no results to resume or to report. */
export function openRunDirectory(root: string): RunDirectory {
  const directory = runDirectory(root);
  if (!existsSync(directory.results))
    throw new RecordError(root, 'holds no results of a run (results.jsonl is missing)');
  return directory;
}

/** Makes a directory and those above it. Not `recursive`: where a parent exists and refuses with ENOENT (as in /proc), node would try for ever. */
export function makeDirectory(path: string): void {
  if (existsSync(path)) return;
  makeDirectory(dirname(path));
  try {
    mkdirSync(path);
  } catch (cause) {
    // Another process was faster.
    if (!isThere(cause)) throw cause;
  }
}
