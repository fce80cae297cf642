import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { readRunFile, replaceRunFile } from '../record/run-file.ts';
import { defaultTraceBounds, type Trace, type TraceBounds } from './trace.ts';
import { decodeTrace, encodeTrace } from './trace-encoding.ts';
import { TraceError } from './trace-error.ts';

/** Writes traces into a run directory. */
export class TraceWriter {
  readonly #runDirectory: string;
  readonly #bounds: TraceBounds;

  constructor(runDirectory: string, bounds: TraceBounds = defaultTraceBounds) {
    this.#runDirectory = runDirectory;
    this.#bounds = bounds;
  }

  /**
   * Writes one trace, synchronously, and returns its path relative to the run directory: the `trace` of a case record.
   * @param findings `traceEvent` of its findings: the events around them are kept in a trace of any length.
   * @throws TraceError where the file cannot be written.
   */
  write(trace: Trace, findings: readonly number[] = []): string {
    const path = tracePath(trace);
    try {
      mkdirSync(join(this.#runDirectory, 'traces'), { recursive: true });
      replaceRunFile(join(this.#runDirectory, path), encodeTrace(trace, findings, this.#bounds));
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new TraceError(`${join(this.#runDirectory, path)}: cannot be written (${reason})`, { cause });
    }
    return path;
  }
}

/**
 * Where the `trace` of a case record lies.
 * @throws TraceError for a path that `tracePath` would not give: records may come from elsewhere.
 */
export function traceFile(runDirectory: string, path: string): string {
  if (!/^traces\/[A-Za-z0-9_.=-]+\.pb$/.test(path)) throw new TraceError(`${path}: is not the path of a trace`);
  return join(runDirectory, path);
}

/** Traces within any bounds that are in use are much shorter. */
const mostBytes = 64 << 20;

/** @throws TraceError where the file is missing or no trace. */
export function readTrace(path: string): Trace {
  try {
    return decodeTrace(readRunFile(path, mostBytes));
  } catch (cause) {
    throw new TraceError(`${path}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** Readable, safe as a file name, and different for each case, also where two names differ in odd characters alone. */
export function tracePath({ target, key, repetition }: Pick<Trace, 'target' | 'key' | 'repetition'>): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([target, key, repetition]))
    .digest('hex')
    .slice(0, 12);
  const readable = `${target}--${key}`.replace(/[^A-Za-z0-9.=-]+/g, '_').slice(0, 120);
  return `traces/${readable}-${digest}.pb`;
}
