import { isBeyondText } from '../../reference-impl/catalogue/catalogue.ts';
import { type FeatureVerdict, featureVerdicts } from '../feature-verdicts.ts';
import { type FindingWeight, weightOf } from '../finding-causes.ts';
import { findingGroups } from '../findings.ts';
import { apartForAll } from '../judged-by-texts.ts';
import type { MergedRun } from '../merge-runs.ts';
import type { ApartReason, CaseRecord, TargetRecord } from '../record/record.ts';
import type { PlannedResult } from '../record/run-plan.ts';
import { type RequirementVerdictKind, requirementVerdicts } from '../requirement-verdicts.ts';

/** The document that `jsonReport` writes. */
export interface JsonReport {
  readonly facts: MergedRun['facts'];
  readonly targets: readonly TargetRecord[];
  readonly features: readonly {
    readonly name: string;
    readonly bit: number;
    readonly device: string;
    /** By target. */
    readonly verdicts: Readonly<Record<string, FeatureVerdict>>;
  }[];
  readonly requirements: readonly {
    readonly id: string;
    readonly area: string;
    /** Null where no text says it. */
    readonly level: string | null;
    readonly basis: string;
    readonly since?: string | undefined;
    readonly until?: string | null | undefined;
    /** Why a violation counts for no target. */
    readonly apart?: ApartReason | undefined;
    readonly cases: readonly string[];
    readonly verdicts: Readonly<Record<string, RequirementVerdictKind>>;
  }[];
  readonly findings: readonly {
    readonly anchor: string;
    readonly target: string;
    readonly caseId: string;
    readonly requirement: string;
    readonly level: string | null;
    readonly basis: string;
    readonly since?: string | undefined;
    readonly until?: string | null | undefined;
    readonly apart?: ApartReason | undefined;
    readonly how: string;
    readonly what: string;
    /** Against what it stands: a text that counts, another version of it, or what no text says. */
    readonly weight: FindingWeight;
    /** Results in which it was made; the first one's command. */
    readonly results: number;
    readonly rerun: string;
    readonly keys: readonly string[];
  }[];
  readonly results: readonly CaseRecord[];
  readonly missing: readonly PlannedResult[];
}

/** Everything that the page says, for programs: one JSON document. */
export function jsonReport(run: MergedRun): string {
  const areas = requirementVerdicts(run);
  const names = run.targets.map(({ target }) => target);
  const byTarget = <T>(values: readonly T[]): Record<string, T> =>
    Object.fromEntries(values.flatMap((value, index) => (names[index] === undefined ? [] : [[names[index], value]])));
  const document: JsonReport = {
    facts: run.facts,
    targets: run.targets,
    features: featureVerdicts(run, areas).flatMap(({ rows }) =>
      rows.map(({ feature, cells }) => ({ ...feature, verdicts: byTarget(cells) })),
    ),
    requirements: areas.flatMap(({ area, rows }) =>
      rows.map(({ requirement, cases, verdicts }) => ({
        id: requirement.id,
        area,
        level: isBeyondText(requirement.basis) ? null : requirement.level,
        basis: requirement.basis,
        since: requirement.since,
        until: requirement.until,
        apart: apartForAll(requirement, run),
        cases,
        verdicts: byTarget(verdicts.map(({ verdict }) => verdict)),
      })),
    ),
    findings: findingGroups(run).map(({ anchor, target, caseId, finding, places }) => ({
      weight: weightOf({ finding }),
      results: new Set(places.map(({ result }) => result)).size,
      rerun: places[0]?.result.record.rerun ?? '',
      anchor,
      target,
      caseId,
      requirement: finding.requirement,
      level: isBeyondText(finding.basis) ? null : finding.level,
      basis: finding.basis,
      since: finding.since,
      until: finding.until,
      apart: finding.apart,
      how: finding.how,
      what: finding.what,
      keys: [...new Set(places.map(({ result }) => result.record.key))],
    })),
    results: run.results.map(({ record }) => record),
    missing: run.missing,
  };
  return `${JSON.stringify(document, undefined, 1)}\n`;
}
