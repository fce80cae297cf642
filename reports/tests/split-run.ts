import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { readCatalogueSnapshot, writeCatalogueSnapshot } from '../record/catalogue-snapshot.ts';
import { readRecords } from '../record/record-reader.ts';
import { RecordWriter } from '../record/record-writer.ts';
import { openRunDirectory, runDirectory } from '../record/run-directory.ts';
import { readRunPlan, writeRunPlan } from '../record/run-plan.ts';
import { traceFile } from '../trace/trace-file.ts';

/** Writes the records of a run as `count` shards would have written them, and returns their directories. */
export function splitRun(root: string, into: string, count: number): string[] {
  const whole = openRunDirectory(root);
  const { run, targets, cases, ends } = readRecords(whole.results);
  const plan = readRunPlan(whole.plan);
  const catalogue = readCatalogueSnapshot(whole.catalogue);
  return Array.from({ length: count }, (_, shard) => {
    const directory = runDirectory(join(into, `shard-${shard + 1}`));
    mkdirSync(directory.traces, { recursive: true });
    writeCatalogueSnapshot(directory.catalogue, catalogue);
    writeRunPlan(directory.plan, plan.results);
    const writer = new RecordWriter(directory.results);
    const own = { index: shard + 1, of: count };
    writer.append({
      ...run,
      runId: `${run.runId}-${own.index}`,
      shard: own,
      command: [...run.command, '--shard', `${own.index}/${count}`],
    });
    for (const target of targets) writer.append(target);
    for (const [index, record] of cases.entries()) {
      if (index % count !== shard) continue;
      const { key, target, repetition, trace } = record;
      writer.append({ event: 'begin', key, target, repetition });
      writer.append(record);
      if (trace !== undefined) copyFileSync(traceFile(root, trace), traceFile(directory.root, trace));
    }
    for (const end of ends) writer.append({ ...end, durationMs: shard === 0 ? end.durationMs : 0 });
    writer.close();
    return directory.root;
  });
}
