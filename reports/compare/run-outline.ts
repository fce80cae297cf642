import { z } from 'zod';
import { caseVerdicts } from '../case-verdicts.ts';
import { type FeatureVerdict, featureVerdicts } from '../feature-verdicts.ts';
import { weightOf } from '../finding-causes.ts';
import type { MergedRun } from '../merge-runs.ts';
import { readJson } from '../record/catalogue-snapshot.ts';
import { failureKind, outcome } from '../record/record.ts';
import { RecordError } from '../record/record-error.ts';
import { reasonOf } from '../record/record-writer.ts';
import { replaceRunFile } from '../record/run-file.ts';
import { requirementVerdicts } from '../requirement-verdicts.ts';
import { standingOf, standings } from '../result-explanation.ts';

const outlinedFinding = z.object({
  requirement: z.string(),
  how: failureKind,
  /** Against what it stands: a text that counts, another version of it, or what no text says. */
  weight: z.enum(['text', 'apart', 'beyond']),
});
export type OutlinedFinding = z.infer<typeof outlinedFinding>;

const outlinedResult = z.object({
  target: z.string(),
  key: z.string(),
  verdict: outcome,
  /** How it counts; what an expectations file knows is `known`. */
  standing: z.enum(standings),
  findings: z.array(outlinedFinding).optional(),
});
/** One result over its repetitions. */
export type OutlinedResult = z.infer<typeof outlinedResult> & {
  /** Absent of what comes from a file. */
  readonly rerun?: string;
};

const outline = z.object({
  kind: z.literal('vhost-conformance baseline'),
  schema: z.object({ major: z.literal(1), minor: z.number().int().nonnegative() }),
  suite: z.object({ name: z.string(), version: z.string() }),
  catalogueHash: z.string(),
  startedAt: z.string(),
  /** Results that were planned and not run. */
  missing: z.number().int().nonnegative(),
  targets: z.array(
    z.object({ target: z.string(), identity: z.string(), version: z.string(), binaryHash: z.string().optional() }),
  ),
  /** Slugs of the catalogue. */
  requirements: z.array(z.string()),
  /** By target, then by feature: `pass 3/3`; what a target does not offer is left out. */
  features: z.record(z.string(), z.record(z.string(), z.string())),
  results: z.array(outlinedResult),
});

/** What a comparison needs of a run: so small that it can be kept in a repository as the baseline of later runs. */
export type RunOutline = Omit<z.infer<typeof outline>, 'results'> & { readonly results: readonly OutlinedResult[] };

export function outlineOf(run: MergedRun): RunOutline {
  const areas = requirementVerdicts(run);
  const rows = featureVerdicts(run, areas).flatMap((group) => group.rows);
  const features = run.targets.map(({ target }, index) => [
    target,
    Object.fromEntries(
      rows.flatMap(({ feature, cells }) => {
        const words = cellWords(cells[index]);
        return words === undefined ? [] : [[feature.name, words]];
      }),
    ),
  ]);
  return {
    kind: 'vhost-conformance baseline',
    schema: { major: 1, minor: 0 },
    suite: run.facts.suite,
    catalogueHash: run.facts.catalogueHash,
    startedAt: run.facts.startedAt,
    missing: run.missing.length,
    targets: run.targets.map(({ target, identity, version, binaryHash }) => ({
      target,
      identity,
      version,
      ...(binaryHash === undefined ? {} : { binaryHash }),
    })),
    requirements: run.catalogue.requirements.map(({ id }) => id),
    features: Object.fromEntries(features),
    results: resultsOf(run),
  };
}

function resultsOf(run: MergedRun): OutlinedResult[] {
  return caseVerdicts(run).flatMap(({ target, key, verdict, results }) => {
    const worst = results.find(({ record }) => record.verdict === verdict)?.record;
    if (worst === undefined) return [];
    const found = new Map(
      results
        .flatMap(({ record }) => record.findings)
        .map((finding) => {
          const { requirement, how } = finding;
          const one: OutlinedFinding = { requirement, how, weight: weightOf({ finding }) };
          return [JSON.stringify(one), one] as const;
        }),
    );
    const findings = [...found.values()];
    return [
      {
        target,
        key,
        verdict,
        standing: standingOf(worst),
        ...(findings.length === 0 ? {} : { findings }),
        rerun: worst.rerun,
      },
    ];
  });
}

function cellWords(cell: FeatureVerdict | undefined): string | undefined {
  switch (cell?.kind) {
    case 'pass':
      return `pass ${cell.of}/${cell.of}`;
    case 'partial':
    case 'fail':
      return `${cell.kind} ${cell.passed}/${cell.of}`;
    case 'no-case':
      return 'no case';
    case 'untestable':
      return cell.kind;
    case 'owned':
      return cell.by;
    case 'not-offered':
    case 'elsewhere':
    case undefined:
      return undefined;
  }
}

/** A line for each result, so that a review of a new baseline shows what changed. @throws RecordError */
export function writeOutline(path: string, { results, ...facts }: RunOutline): void {
  const lines = results.map(({ rerun: _, ...result }) => `  ${JSON.stringify(result)}`);
  const head = JSON.stringify(facts, undefined, 1).replace(/\n\}$/, ',');
  try {
    replaceRunFile(path, `${head}\n "results": [\n${lines.join(',\n')}\n ]\n}\n`);
  } catch (cause) {
    throw new RecordError(path, `cannot be written (${reasonOf(cause)})`, { cause });
  }
}

/** @throws RecordError where the file holds no baseline. */
export function readOutline(path: string): RunOutline {
  return readJson(path, outline, 'baseline');
}
