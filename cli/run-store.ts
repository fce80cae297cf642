import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, relative, resolve, sep } from 'node:path';
import { catalogueHash } from '../reference-impl/catalogue/catalogue.ts';
import { type CatalogueSnapshot, writeCatalogueSnapshot } from '../reports/record/catalogue-snapshot.ts';
import {
  type CaseRecord,
  type EndRecord,
  type Outcome,
  type RunRecord,
  recordSchemaVersion,
} from '../reports/record/record.ts';
import { readRecords } from '../reports/record/record-reader.ts';
import { RecordWriter } from '../reports/record/record-writer.ts';
import { claimRunDirectory, openRunDirectory, type RunDirectory } from '../reports/record/run-directory.ts';
import { type PlannedResult, planHashOf, resultId, writeRunPlan } from '../reports/record/run-plan.ts';
import type { AnyCase } from '../suites/case.ts';
import type { Shard } from '../suites/runner/plan.ts';
import { snapshotOfCatalogue } from './catalogue-facts.ts';
import { nearestExisting } from './run-request.ts';
import { suiteVersion } from './suite-version.ts';
import { UsageError } from './usage-error.ts';

/** What the records of a run say first. */
export interface RunFacts {
  readonly seed: number;
  readonly shard: Shard;
  /** The whole plan, all shards. */
  readonly plan: readonly PlannedResult[];
  /** What this shard owes. */
  readonly owed: readonly PlannedResult[];
  /** Versions of texts that were chosen. */
  readonly texts: readonly string[];
  readonly command: readonly string[];
}

/** The records of one run on disk. */
export class RunStore {
  readonly directory: RunDirectory;
  readonly #writer: RecordWriter;
  readonly #began = performance.now();
  /** Topmost directory that we made for it. */
  readonly #made: string | undefined;

  private constructor(directory: RunDirectory, made: string | undefined) {
    this.directory = directory;
    this.#made = made;
    this.#writer = new RecordWriter(directory.results);
  }

  /** Makes the directory and its first records. @throws RecordError, and then nothing of it stays. */
  static create(root: string, facts: RunFacts, snapshot: CatalogueSnapshot): RunStore {
    const made = firstMissing(root);
    const directory = claimRunDirectory(root, (staging) => {
      writeRunPlan(staging.plan, facts.plan);
      writeCatalogueSnapshot(staging.catalogue, snapshot);
      const writer = new RecordWriter(staging.results);
      writer.append(runRecordOf(facts));
      writer.close();
    });
    return new RunStore(directory, made);
  }

  /** Resumes a run that did not complete. @throws UsageError where it had another plan. */
  static reopen(root: string, facts: RunFacts, cases: readonly AnyCase[]): RunStore {
    const directory = openRunDirectory(root);
    if (readRecords(directory.results).run.planHash !== planHashOf(facts.plan)) {
      throw new UsageError(`--resume ${root}: the plan of that run is another one: its suite had other cases`);
    }
    // Missing where the run was killed while it began.
    if (!existsSync(directory.plan)) writeRunPlan(directory.plan, facts.plan);
    if (!existsSync(directory.catalogue)) writeCatalogueSnapshot(directory.catalogue, snapshotOfCatalogue(cases));
    const store = new RunStore(directory, undefined);
    store.append(runRecordOf(facts));
    return store;
  }

  append(record: Parameters<RecordWriter['append']>[0]): void {
    this.#writer.append(record);
  }

  /** All results that are on disk, the newest of each. */
  results(): CaseRecord[] {
    const newest = new Map<string, CaseRecord>();
    for (const record of readRecords(this.directory.results).cases) newest.set(resultId(record), record);
    return [...newest.values()];
  }

  /** Of the results that a host held when it ended, the one that ran. */
  begunWithoutResult(held: readonly PlannedResult[]): PlannedResult | undefined {
    const { begins, cases } = readRecords(this.directory.results);
    const done = new Set(cases.map(resultId));
    const ids = new Set(held.map(resultId));
    return begins.filter((begin) => ids.has(resultId(begin)) && !done.has(resultId(begin))).at(-1);
  }

  end(reason: EndRecord['reason']): void {
    const counts: Partial<Record<Outcome, number>> = {};
    for (const { verdict } of this.results()) counts[verdict] = (counts[verdict] ?? 0) + 1;
    this.append({ event: 'end', reason, counts, durationMs: Math.round(performance.now() - this.#began) });
  }

  close(): void {
    this.#writer.close();
  }

  /** Removes everything that this run made. */
  discard(): void {
    this.close();
    discard(this.directory.root, this.#made);
  }
}

function runRecordOf({ seed, shard, plan, owed, texts, command }: RunFacts): RunRecord {
  return {
    event: 'run',
    schema: recordSchemaVersion,
    runId: randomUUID(),
    suite: { name: 'vhost-conformance', version: suiteVersion() },
    catalogueHash: catalogueHash(),
    seed,
    shard,
    planHash: planHashOf(plan),
    ...(texts.length === 0 ? {} : { texts: [...texts] }),
    planned: owed.length,
    startedAt: new Date().toISOString(),
    command: [...command],
  };
}

/** The topmost directory that has to be made for a path; undefined where all is there. */
export function firstMissing(root: string): string | undefined {
  const existing = nearestExisting(root);
  if (existing === root) return undefined;
  const [first = ''] = relative(existing, root).split(sep);
  return resolve(existing, first);
}

/** Removes the files of a run, and the directories that were made for it unless others have put something there. */
function discard(root: string, made: string | undefined): void {
  for (const name of ['results.jsonl', 'catalogue.json', 'plan.json', 'traces']) {
    rmSync(resolve(root, name), { recursive: true, force: true });
  }
  if (made === undefined) return;
  for (let path = root; path.startsWith(made); path = dirname(path)) {
    if (readdirSync(path).length > 0) return;
    rmdirSync(path);
  }
}
