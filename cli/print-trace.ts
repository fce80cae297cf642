import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { didYouMean } from '../drivers/near-matches.ts';
import { tracePcap } from '../reports/export/trace-pcap.ts';
import { type TraceFacts, traceText } from '../reports/export/trace-text.ts';
import { RecordError } from '../reports/record/record-error.ts';
import { type RunRecords, readRecords } from '../reports/record/record-reader.ts';
import { reasonOf } from '../reports/record/record-writer.ts';
import { openRunDirectory, runDirectory } from '../reports/record/run-directory.ts';
import { replaceRunFile } from '../reports/record/run-file.ts';
import { featureOwnerOf } from '../reports/trace/feature-words.ts';
import type { Trace } from '../reports/trace/trace.ts';
import { readTrace, traceFile } from '../reports/trace/trace-file.ts';
import { visibleText } from '../reports/visible-text.ts';
import { print } from './terminal.ts';
import type { TraceOptions } from './trace-options.ts';
import { UsageError } from './usage-error.ts';

/** `trace`: the whole trace of a result. @throws UsageError, RecordError, TraceError */
export function printTrace(path: string, options: TraceOptions): void {
  if (options.text && options.pcap) throw new UsageError('trace: --text or --pcap, not both');
  if (!existsSync(path)) throw new UsageError(`${path}: no such file or directory`);
  const file = statSync(path).isDirectory() ? traceOfCase(path, options.case) : fileAlone(path, options.case);
  const trace = readTrace(file);
  const facts = factsOf(file, trace);
  const content = options.pcap ? tracePcap(trace, facts) : visibleText(traceText(trace, facts));
  if (options.out === undefined) {
    if (options.pcap && process.stdout.isTTY) throw new UsageError('trace --pcap: is no text; name a file with --out');
    process.stdout.write(content);
    return;
  }
  try {
    replaceRunFile(options.out, content);
  } catch (cause) {
    throw new RecordError(options.out, `cannot be written (${reasonOf(cause)})`, { cause });
  }
  print(`Trace: ${options.out}`);
}

function fileAlone(path: string, key: string | undefined): string {
  if (key === undefined) return path;
  throw new UsageError('trace: --case belongs to the directory of a run, not to a file');
}

function traceOfCase(root: string, key: string | undefined): string {
  const { cases } = readRecords(openRunDirectory(root).results);
  const traced = cases.filter(({ trace }) => trace !== undefined);
  if (traced.length === 0) throw new UsageError(`${root}: holds no trace: all that ran passed`);
  const keys = traced.map((one) => one.key);
  if (key === undefined) {
    throw new UsageError(`${root}: holds ${traced.length} traces; say which with --case, as --case '${keys[0]}'`);
  }
  const found = traced.findLast((one) => one.key === key)?.trace;
  if (found === undefined) throw new UsageError(`--case ${key}: has no trace in ${root}${didYouMean(key, keys)}`);
  return traceFile(root, found);
}

/** What the records beside a trace say of it; nothing where it stands alone. */
function factsOf(file: string, trace: Trace): TraceFacts {
  const records = recordsBeside(file);
  const target = records?.targets.find((one) => one.target === trace.target);
  const result = records?.cases.findLast(
    ({ target: on, key, repetition }) => on === trace.target && key === trace.key && repetition === trace.repetition,
  );
  const failing = (result?.findings ?? []).flatMap(({ traceEvent }) => traceEvent ?? []);
  return { owner: featureOwnerOf(target), failing: new Set(failing) };
}

function recordsBeside(file: string): RunRecords | undefined {
  const { results } = runDirectory(join(dirname(file), '..'));
  if (!existsSync(results)) return undefined;
  try {
    return readRecords(results);
  } catch {
    // The trace can be shown without them.
    return undefined;
  }
}
