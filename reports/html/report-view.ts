import { isBeyondText as hasNoText } from '../../reference-impl/catalogue/catalogue.ts';
import { type CaseVerdict, caseVerdicts } from '../case-verdicts.ts';
import { type FeatureGroup, featureVerdicts } from '../feature-verdicts.ts';
import { type FindingGroup, findingGroups } from '../findings.ts';
import { apartForAll } from '../judged-by-texts.ts';
import type { MergedRun } from '../merge-runs.ts';
import type { SnapshotRequirement } from '../record/catalogue-snapshot.ts';
import type { ApartReason, TargetRecord } from '../record/record.ts';
import { type RequirementArea, requirementVerdicts } from '../requirement-verdicts.ts';
import { isApart } from '../result-explanation.ts';

/** All that the page shows, worked out once. */
export interface ReportView {
  readonly run: MergedRun;
  readonly targets: readonly TargetRecord[];
  readonly cases: readonly CaseVerdict[];
  readonly areas: readonly RequirementArea[];
  readonly features: readonly FeatureGroup[];
  readonly findings: readonly FindingGroup[];
  /** Findings by target and requirement: see `findingsFor`. */
  readonly findingIndex: ReadonlyMap<string, readonly FindingGroup[]>;
}

export function reportView(run: MergedRun): ReportView {
  const areas = requirementVerdicts(run);
  const findings = findingGroups(run);
  const findingIndex = new Map<string, FindingGroup[]>();
  for (const group of findings) {
    const id = indexKey(group.target, group.finding.requirement);
    const list = findingIndex.get(id);
    if (list === undefined) findingIndex.set(id, [group]);
    else list.push(group);
  }
  const cases = caseVerdicts(run);
  const features = featureVerdicts(run, areas);
  return { run, targets: run.targets, cases, areas, features, findings, findingIndex };
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

/** Whether a finding is about an expectation of ours of which the text says nothing. */
export function isBeyondText({ finding }: FindingGroup): boolean {
  return hasNoText(finding.basis);
}

/** Why a violation of a requirement counts for no target; undefined where it does for one. */
export function apartIn({ run }: ReportView, requirement: SnapshotRequirement): ApartReason | undefined {
  return apartForAll(requirement, run);
}

/** Findings by whether they count: against the chosen texts, against what we expect beyond any text, or apart. */
export interface FindingCounts {
  readonly violations: number;
  readonly beyond: number;
  readonly apart: number;
}

export function findingCounts(groups: readonly FindingGroup[]): FindingCounts {
  const apart = groups.filter(({ finding }) => isApart(finding)).length;
  const beyond = groups.filter((group) => !isApart(group.finding) && isBeyondText(group)).length;
  return { violations: groups.length - beyond - apart, beyond, apart };
}

/** Whether an expectations file names all that was found here. */
export function isKnown({ places }: FindingGroup): boolean {
  return places.every(({ result }) => result.record.expected !== undefined);
}
