import { type MergedRun, mergeRuns, type RunFacts } from './merge-runs.ts';
import { RecordError } from './record/record-error.ts';
import { readRecords } from './record/record-reader.ts';
import { openRunDirectory } from './record/run-directory.ts';
import type { PlannedResult } from './record/run-plan.ts';
import { planHashOf } from './record/run-plan.ts';

/**
 * Reads run directories as one run whose targets stand beside each other: shards of one plan are merged, separate runs
 * follow each other in the order in which they are given. A target that several runs judged is told apart by a number.
 * @throws RecordError with one line where a directory holds no run, or where the runs have different catalogues.
 */
export function runsSideBySide(roots: readonly string[]): MergedRun {
  const [first, ...others] = shardsByPlan(roots).map((shards) => ({ root: shards[0] ?? '', run: mergeRuns(shards) }));
  if (first === undefined) throw new RangeError('runsSideBySide wants at least one directory');
  if (others.length === 0) return first.run;
  for (const { root, run } of others) {
    if (run.facts.catalogueHash === first.run.facts.catalogueHash) continue;
    throw new RecordError(
      root,
      `was made with another catalogue than the run in ${first.root}; "vhost-conformance compare" compares such runs`,
    );
  }
  const taken = new Set<string>();
  const remarks: string[] = [];
  const runs = [first, ...others].map(({ root, run }) => {
    const names = new Map<string, string>();
    for (const { target } of run.targets) {
      const name = freeName(target, taken);
      names.set(target, name);
      taken.add(name);
      if (name !== target) remarks.push(`${name} is ${target} of the run in ${root}`);
    }
    return renamed(run, names);
  });
  const results = runs.flatMap(({ plan }) => plan.results);
  const plan = { planHash: planHashOf(results), results };
  return {
    facts: factsOf(runs, plan.planHash),
    catalogue: first.run.catalogue,
    plan,
    targets: runs.flatMap(({ targets }) => targets),
    results: runs.flatMap((run) => run.results),
    missing: runs.flatMap(({ missing }) => missing),
    unfinished: runs.flatMap(({ unfinished }) => unfinished),
    remarks: [...runs.flatMap((run) => run.remarks), ...remarks, ...textRemarks(runs)],
  };
}

function shardsByPlan(roots: readonly string[]): string[][] {
  const groups = new Map<string, string[]>();
  for (const root of roots) {
    const { planHash } = readRecords(openRunDirectory(root).results).run;
    const group = groups.get(planHash);
    if (group === undefined) groups.set(planHash, [root]);
    else group.push(root);
  }
  return [...groups.values()];
}

function freeName(target: string, taken: ReadonlySet<string>): string {
  for (let number = 2, name = target; ; number++) {
    if (!taken.has(name)) return name;
    name = `${target} (${number})`;
  }
}

function renamed(run: MergedRun, names: ReadonlyMap<string, string>): MergedRun {
  const named = <Of extends { readonly target: string }>(of: Of): Of => ({
    ...of,
    target: names.get(of.target) ?? of.target,
  });
  const planned = (results: readonly PlannedResult[]): PlannedResult[] => results.map(named);
  return {
    ...run,
    plan: { ...run.plan, results: planned(run.plan.results) },
    targets: run.targets.map(named),
    results: run.results.map(({ record, root }) => ({ record: named(record), root })),
    missing: planned(run.missing),
    unfinished: planned(run.unfinished),
  };
}

/** Findings stand apart as their own run chose; the page can name one choice only. */
function textRemarks(runs: readonly MergedRun[]): string[] {
  const choices = new Set(runs.map(({ facts }) => facts.texts.join(', ')));
  return choices.size < 2
    ? []
    : ['these runs were judged by different versions of a text; report --text judges all alike'];
}

const endsWorstFirst = ['killed', 'aborted', 'interrupted'] as const;

function factsOf(runs: readonly MergedRun[], planHash: string): RunFacts {
  const facts = runs.map((run) => run.facts);
  const [earliest] = [...facts].sort((a, b) => a.startedAt.localeCompare(b.startedAt));
  if (earliest === undefined) throw new RangeError('no runs');
  return {
    ...earliest,
    planHash,
    command: facts.flatMap(({ command }, place) => (place === 0 ? command : [';', ...command])),
    durationMs: facts.reduce((sum, { durationMs }) => sum + durationMs, 0),
    ended: endsWorstFirst.find((worst) => facts.some(({ ended }) => ended === worst)) ?? 'completed',
  };
}
