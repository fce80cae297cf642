import { existsSync, mkdirSync } from 'node:fs';
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
 * @throws RecordError where it cannot be made or already holds results.
 */
export function createRunDirectory(root: string): RunDirectory {
  const directory = runDirectory(root);
  if (existsSync(directory.results)) throw new RecordError(root, 'already holds the results of a run');
  try {
    makeDirectory(directory.traces);
  } catch (cause) {
    throw new RecordError(root, `cannot be made (${reasonOf(cause)})`, { cause });
  }
  return directory;
}

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
  mkdirSync(path);
}
