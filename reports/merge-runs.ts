import { existsSync } from 'node:fs';
import { type CatalogueSnapshot, readCatalogueSnapshot } from './record/catalogue-snapshot.ts';
import type { CaseRecord, EndRecord, TargetRecord } from './record/record.ts';
import { RecordError } from './record/record-error.ts';
import { type RunRecords, readRecords } from './record/record-reader.ts';
import { openRunDirectory, type RunDirectory } from './record/run-directory.ts';
import { type PlannedResult, planHashOf, type RunPlan, readRunPlan, resultId } from './record/run-plan.ts';

/** What is true of all shards of a run. */
export interface RunFacts {
  readonly suite: { readonly name: string; readonly version: string };
  readonly catalogueHash: string;
  readonly planHash: string;
  readonly seed: number;
  /** Versions of texts that were chosen. */
  readonly texts: readonly string[];
  /** Of the shard that started first; without its `--shard`. */
  readonly startedAt: string;
  readonly command: readonly string[];
  /** Over all shards. */
  readonly durationMs: number;
  /** `killed` where a shard has no end record; the worst of all shards. */
  readonly ended: EndRecord['reason'] | 'killed';
}

/** One result and the run directory that its trace lies in. */
export interface CaseResult {
  readonly record: CaseRecord;
  readonly root: string;
}

/** All shards of one run, in the order of its plan: independent of how it was split. */
export interface MergedRun {
  readonly facts: RunFacts;
  readonly catalogue: CatalogueSnapshot;
  readonly plan: RunPlan;
  readonly targets: readonly TargetRecord[];
  readonly results: readonly CaseResult[];
  /** What no shard ran. */
  readonly missing: readonly PlannedResult[];
  /** Of those, what a shard began and did not finish. */
  readonly unfinished: readonly PlannedResult[];
  /** What the reader of a report should know about these records, a line each. */
  readonly remarks: readonly string[];
}

interface Shard {
  readonly directory: RunDirectory;
  readonly records: RunRecords;
}

/**
 * Reads run directories as one run.
 * @throws RecordError with one line where a directory holds no run, or where they are not shards of one plan.
 */
export function mergeRuns(roots: readonly string[]): MergedRun {
  const shards = roots.map((root): Shard => {
    const directory = openRunDirectory(root);
    return { directory, records: readRecords(directory.results) };
  });
  const [first, ...others] = shards;
  if (first === undefined) throw new RangeError('mergeRuns wants at least one directory');
  for (const other of others) refuseAnotherPlan(first, other);

  const catalogue = readCatalogueSnapshot(first.directory.catalogue);
  if (catalogue.hash !== first.records.run.catalogueHash) {
    throw new RecordError(first.directory.catalogue, 'is not the catalogue that this run was made with');
  }
  const found = collectResults(shards);
  const plan = planOf(first, shards);
  const planned = new Set(plan.results.map(resultId));
  const begun = new Set(shards.flatMap(({ records }) => records.begins.map(resultId)));
  const missing = plan.results.filter((result) => !found.has(resultId(result)));
  const unplanned = [...found.keys()].filter((id) => !planned.has(id)).length;
  return {
    facts: factsOf(shards),
    catalogue,
    plan,
    targets: targetsOf(shards, plan),
    results: plan.results.flatMap((result) => found.get(resultId(result)) ?? []),
    missing,
    unfinished: missing.filter((result) => begun.has(resultId(result))),
    remarks: [
      ...shards.flatMap(readingRemarks),
      ...targetRemarks(shards),
      ...shards.flatMap(repetitionRemarks),
      ...(unplanned === 0 ? [] : [`${unplanned} results are not in the plan and were left out`]),
    ],
  };
}

function refuseAnotherPlan(first: Shard, other: Shard): void {
  const root = other.directory.root;
  if (other.records.run.planHash !== first.records.run.planHash) {
    throw new RecordError(root, `is not a shard of the run in ${first.directory.root}: their plans differ`);
  }
  if (other.records.run.catalogueHash !== first.records.run.catalogueHash) {
    throw new RecordError(root, `was made with another catalogue than the run in ${first.directory.root}`);
  }
}

/** The last record of a result counts: a resumed run may have repeated what was cut off. */
function collectResults(shards: readonly Shard[]): Map<string, CaseResult> {
  const found = new Map<string, CaseResult>();
  for (const { directory, records } of shards) {
    for (const record of records.cases) {
      const id = resultId(record);
      const earlier = found.get(id);
      if (earlier !== undefined && earlier.root !== directory.root) {
        throw new RecordError(
          directory.root,
          `repeats ${record.key} on ${record.target}, which ${earlier.root} holds already; "vhost-conformance compare" tells two runs of one plan apart`,
        );
      }
      found.set(id, { record, root: directory.root });
    }
  }
  return found;
}

function planOf(first: Shard, shards: readonly Shard[]): RunPlan {
  const withPlan = shards.find(({ directory }) => existsSync(directory.plan));
  if (withPlan === undefined) throw new RecordError(first.directory.plan, 'is missing: nothing says what was planned');
  const plan = readRunPlan(withPlan.directory.plan);
  if (plan.planHash !== first.records.run.planHash || planHashOf(plan.results) !== plan.planHash) {
    throw new RecordError(withPlan.directory.plan, 'is not the plan of this run');
  }
  return plan;
}

function factsOf(shards: readonly Shard[]): RunFacts {
  const runs = shards.map(({ records }) => records.run);
  const [earliest] = [...runs].sort((a, b) => a.startedAt.localeCompare(b.startedAt));
  if (earliest === undefined) throw new RangeError('no shards');
  const ends = shards.flatMap(({ records }) => records.ends);
  return {
    suite: earliest.suite,
    catalogueHash: earliest.catalogueHash,
    planHash: earliest.planHash,
    seed: earliest.seed,
    texts: earliest.texts ?? [],
    startedAt: earliest.startedAt,
    command: withoutShard(earliest.command),
    durationMs: ends.reduce((sum, end) => sum + end.durationMs, 0),
    ended: worstEnd(shards),
  };
}

function worstEnd(shards: readonly Shard[]): RunFacts['ended'] {
  const reasons = new Set(shards.map(({ records }) => records.ends.at(-1)?.reason ?? 'killed'));
  for (const reason of ['killed', 'aborted', 'interrupted'] as const) if (reasons.has(reason)) return reason;
  return 'completed';
}

function withoutShard(command: readonly string[]): string[] {
  return command.filter(
    (word, index) => word !== '--shard' && command[index - 1] !== '--shard' && !word.startsWith('--shard='),
  );
}

function targetsOf(shards: readonly Shard[], plan: RunPlan): TargetRecord[] {
  const byName = new Map<string, TargetRecord>();
  for (const { records } of shards) {
    for (const target of records.targets) if (!byName.has(target.target)) byName.set(target.target, target);
  }
  const order = new Set(plan.results.map(({ target }) => target));
  const planned = [...order].flatMap((name) => byName.get(name) ?? []);
  return [...planned, ...[...byName.values()].filter(({ target }) => !order.has(target))];
}

function readingRemarks({ directory, records }: Shard): string[] {
  const remarks: string[] = [];
  if (records.tornLines.length > 0) {
    remarks.push(`${directory.root}: ${records.tornLines.length} unfinished line(s) left by a process that was killed`);
  }
  if (records.unknownLines.length > 0) {
    remarks.push(
      `${directory.root}: ${records.unknownLines.length} record(s) of a kind that this version does not know`,
    );
  }
  return remarks;
}

/** No run records a result twice: its file was added to. */
function repetitionRemarks({ directory, records: { cases } }: Shard): string[] {
  const again = cases.length - new Set(cases.map(resultId)).size;
  return again === 0 ? [] : [`${directory.root}: ${again} results are recorded more than once; the last record counts`];
}

/** Shards that met different builds of one target do not say anything about either. */
function targetRemarks(shards: readonly Shard[]): string[] {
  const identities = new Map<string, Set<string>>();
  for (const { records } of shards) {
    for (const { target, identity, version, binaryHash } of records.targets) {
      const seen = identities.get(target) ?? new Set();
      identities.set(target, seen.add(`${identity} ${version} ${binaryHash ?? ''}`));
    }
  }
  return [...identities].flatMap(([target, seen]) =>
    seen.size > 1 ? [`${target}: ${seen.size} different builds of it were judged in this run`] : [],
  );
}
