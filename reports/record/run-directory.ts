import {
  copyFileSync,
  existsSync,
  constants as fsConstants,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
} from 'node:fs';
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

const resultsName = 'results.jsonl';
/** Of the directory in which a run is prepared before it has the name of its own; then the pid of its process. */
const stagingPrefix = '.vhost-conformance-';

export function runDirectory(root: string): RunDirectory {
  return {
    root,
    results: join(root, resultsName),
    catalogue: join(root, 'catalogue.json'),
    plan: join(root, 'plan.json'),
    traces: join(root, 'traces'),
    report: join(root, 'report.html'),
  };
}

/**
 * Makes the directory of a new run. `fill` writes its first files, those of `results` with a record at least, into a
 * directory beside, and one link(2) claims the place: a kill leaves a run that can be resumed, or a place that is free.
 * @throws RunClaimedError where it holds the results of another run; RecordError where it cannot be made; what `fill`
 * throws. Then nothing of ours stays.
 */
export function claimRunDirectory(root: string, fill: (staging: RunDirectory) => void): RunDirectory {
  const made: string[] = [];
  let staging: string | undefined;
  try {
    makeDirectories(root, made);
    removeAbandoned(root);
    staging = mkdtempSync(join(root, `${stagingPrefix}${process.pid}-`));
    fill(runDirectory(staging));
    claim(root, staging);
  } catch (cause) {
    if (staging !== undefined) rmSync(staging, { recursive: true, force: true });
    removeEmpty(made);
    if (cause instanceof RecordError || !(cause instanceof Error) || !('syscall' in cause)) throw cause;
    throw new RecordError(root, `cannot be made (${reasonOf(cause)})`, { cause });
  }
  rmSync(staging, { recursive: true, force: true });
  return runDirectory(root);
}

/** The directory belongs to another run: of two that start together only one may write there. */
export class RunClaimedError extends RecordError {
  constructor(root: string, options?: ErrorOptions) {
    super(root, 'already holds the results of a run', options);
  }
}

/** @throws RecordError where there are no results to resume or to report. */
export function openRunDirectory(root: string): RunDirectory {
  const directory = runDirectory(root);
  if (lstatSync(directory.results, { throwIfNoEntry: false }) === undefined) {
    throw new RecordError(root, `holds no results of a run (${resultsName} is missing)`);
  }
  const traces = lstatSync(directory.traces, { throwIfNoEntry: false });
  if (traces !== undefined && !traces.isDirectory()) throw new RecordError(directory.traces, 'is not a directory');
  return directory;
}

/** Names in a directory that no run and no user has put there: what a run that was killed left of its preparations. */
export const isAbandonedName = (name: string): boolean => name.startsWith(stagingPrefix);

/** Makes a directory and those above it. Not `recursive`: where a parent exists and refuses with ENOENT (as in /proc), node would try for ever. */
export function makeDirectory(path: string): void {
  makeDirectories(path, []);
}

function makeDirectories(path: string, made: string[]): void {
  if (existsSync(path)) return;
  makeDirectories(dirname(path), made);
  try {
    mkdirSync(path);
    made.push(path);
  } catch (cause) {
    // Another process was faster.
    if (!hasCode(cause, 'EEXIST')) throw cause;
  }
}

const withoutLinks = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'];

/** Takes the place by its results, then moves the rest there. */
function claim(root: string, staging: string): void {
  const own = join(staging, resultsName);
  const place = join(root, resultsName);
  try {
    linkSync(own, place);
  } catch (cause) {
    if (hasCode(cause, 'EEXIST')) throw new RunClaimedError(root, { cause });
    if (!withoutLinks.some((code) => hasCode(cause, code))) throw cause;
    copyExclusively(own, place, root);
  }
  for (const name of readdirSync(staging)) {
    if (name !== resultsName) renameSync(join(staging, name), join(root, name));
  }
}

function copyExclusively(from: string, to: string, root: string): void {
  try {
    copyFileSync(from, to, fsConstants.COPYFILE_EXCL);
  } catch (cause) {
    throw hasCode(cause, 'EEXIST') ? new RunClaimedError(root, { cause }) : cause;
  }
}

function removeAbandoned(root: string): void {
  for (const name of readdirSync(root)) {
    const pid = isAbandonedName(name) ? /^\d+/.exec(name.slice(stagingPrefix.length))?.[0] : undefined;
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) rmSync(join(root, name), { recursive: true, force: true });
  }
}

/** Others may have put something there meanwhile. */
function removeEmpty(directories: readonly string[]): void {
  for (const path of [...directories].reverse()) {
    try {
      rmdirSync(path);
    } catch {
      return;
    }
  }
}

function hasCode(cause: unknown, code: string): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === code;
}
