import { type CaseVerdict, caseVerdicts } from '../case-verdicts.ts';
import { type FeatureGroup, featureVerdicts } from '../feature-verdicts.ts';
import { type FindingCause, findingCauses } from '../finding-causes.ts';
import { type FindingGroup, findingGroups } from '../findings.ts';
import { apartForAll } from '../judged-by-texts.ts';
import type { MergedRun } from '../merge-runs.ts';
import type { SnapshotRequirement } from '../record/catalogue-snapshot.ts';
import type { ApartReason, TargetRecord } from '../record/record.ts';
import { type RequirementArea, type RequirementRow, requirementVerdicts } from '../requirement-verdicts.ts';

/** All that the page shows, worked out once. */
export interface ReportView {
  readonly run: MergedRun;
  readonly targets: readonly TargetRecord[];
  readonly cases: readonly CaseVerdict[];
  readonly areas: readonly RequirementArea[];
  readonly rowsById: ReadonlyMap<string, RequirementRow>;
  readonly features: readonly FeatureGroup[];
  /** The heaviest first, in the order of their causes. */
  readonly findings: readonly FindingGroup[];
  readonly causes: readonly FindingCause[];
  /** Findings by target and requirement: see `findingsFor`. */
  readonly findingIndex: ReadonlyMap<string, readonly FindingGroup[]>;
}

export function reportView(run: MergedRun): ReportView {
  const areas = requirementVerdicts(run);
  const causes = findingCauses(findingGroups(run));
  const findings = causes.flatMap((cause) => cause.findings);
  const findingIndex = new Map<string, FindingGroup[]>();
  for (const group of findings) {
    const id = indexKey(group.target, group.finding.requirement);
    const list = findingIndex.get(id);
    if (list === undefined) findingIndex.set(id, [group]);
    else list.push(group);
  }
  const cases = caseVerdicts(run);
  const rowsById = new Map(areas.flatMap(({ rows }) => rows.map((row) => [row.requirement.id, row])));
  const features = featureVerdicts(run, areas);
  return { run, targets: run.targets, cases, areas, rowsById, features, findings, causes, findingIndex };
}

export function findingsFor(view: ReportView, target: string, requirement: string): readonly FindingGroup[] {
  return view.findingIndex.get(indexKey(target, requirement)) ?? [];
}

function indexKey(target: string, requirement: string): string {
  return JSON.stringify([target, requirement]);
}

/** Anchor of a requirement's row. */
export function requirementAnchor(id: string): string {
  return `req-${id.replace(/[^A-Za-z0-9-]+/g, '-')}`;
}

/** Why a violation of a requirement counts for no target; undefined where it does for one. */
export function apartIn({ run }: ReportView, requirement: SnapshotRequirement): ApartReason | undefined {
  return apartForAll(requirement, run);
}

/** Whether an expectations file names all that was found here. */
export function isKnown({ places }: FindingGroup): boolean {
  return places.every(({ result }) => result.record.expected !== undefined);
}
