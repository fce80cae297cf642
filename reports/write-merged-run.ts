import { lstatSync, mkdirSync } from 'node:fs';
import type { MergedRun } from './merge-runs.ts';
import { writeCatalogueSnapshot } from './record/catalogue-snapshot.ts';
import { recordSchemaVersion } from './record/record.ts';
import { RecordError } from './record/record-error.ts';
import { RecordWriter, reasonOf } from './record/record-writer.ts';
import type { RunDirectory } from './record/run-directory.ts';
import { readRunFile, replaceRunFile } from './record/run-file.ts';
import { writeRunPlan } from './record/run-plan.ts';
import { traceFile, tracePath } from './trace/trace-file.ts';

/**
 * Writes merged shards or runs into the directory of one run: reading it gives the same run again.
 * @throws RecordError where it cannot be written, or a trace is none.
 */
export function writeMergedRun(run: MergedRun, directory: RunDirectory): void {
  mkdirSync(directory.traces);
  writeCatalogueSnapshot(directory.catalogue, run.catalogue);
  writeRunPlan(directory.plan, run.plan.results);
  const { suite, catalogueHash, planHash, seed, texts, startedAt, command, durationMs, ended } = run.facts;
  const writer = new RecordWriter(directory.results);
  writer.append({
    event: 'run',
    schema: { ...recordSchemaVersion },
    runId: planHash.slice(0, 16),
    suite: { ...suite },
    catalogueHash,
    seed,
    shard: { index: 1, of: 1 },
    planHash,
    ...(texts.length === 0 ? {} : { texts: [...texts] }),
    planned: run.plan.results.length,
    startedAt,
    command: [...command],
  });
  for (const target of run.targets) writer.append(target);
  for (const { key, target, repetition } of run.unfinished) writer.append({ event: 'begin', key, target, repetition });
  const counts: Record<string, number> = {};
  for (const { record, root: from } of run.results) {
    counts[record.verdict] = (counts[record.verdict] ?? 0) + 1;
    if (record.trace === undefined) {
      writer.append(record);
      continue;
    }
    // By the name that the target has here: two runs of one target have traces of the same names.
    const trace = tracePath(record);
    copyTrace(traceFile(from, record.trace), traceFile(directory.root, trace));
    writer.append({ ...record, trace });
  }
  if (ended !== 'killed') writer.append({ event: 'end', reason: ended, counts, durationMs });
  writer.close();
}

/** A trace that a killed host never wrote is missing in the merged run as well. */
function copyTrace(from: string, to: string): void {
  if (lstatSync(from, { throwIfNoEntry: false }) === undefined) return;
  try {
    replaceRunFile(to, readRunFile(from));
  } catch (cause) {
    throw new RecordError(from, `cannot be copied (${reasonOf(cause)})`, { cause });
  }
}
