import type { CaseResult, MergedRun } from './merge-runs.ts';
import type { SnapshotRequirement } from './record/catalogue-snapshot.ts';
import type { Outcome } from './record/record.ts';

/**
 * Of a requirement on one target. `no-result`: there are cases, and none of them was part of this run.
 * `no-case`: nothing cites it. `elsewhere`: all that cites it is about another transport or device.
 */
export type RequirementVerdictKind = Outcome | 'no-result' | 'no-case' | 'elsewhere';

export interface RequirementVerdict {
  readonly target: string;
  readonly verdict: RequirementVerdictKind;
  /** Results here that cite it, with the outcome that they give for it; in the order of the plan. */
  readonly evidence: readonly { readonly result: CaseResult; readonly outcome: Outcome }[];
}

interface Evidence {
  readonly result: CaseResult;
  readonly outcome: Outcome;
  readonly isElsewhere: boolean;
}

export interface RequirementRow {
  readonly requirement: SnapshotRequirement;
  /** Ids of the cases that cite it, in this run or not. */
  readonly cases: readonly string[];
  /** One for each target, in the order of the run's targets. */
  readonly verdicts: readonly RequirementVerdict[];
}

export interface RequirementArea {
  readonly area: string;
  readonly rows: readonly RequirementRow[];
}

/**
 * Which outcome stands for several cases. A finding is never hidden by an error of ours, and one pass is
 * enough where other variants did not apply.
 */
export const strongestFirst: readonly Outcome[] = [
  'fail',
  'error',
  'inconclusive',
  'not-run',
  'pass',
  'not-applicable',
];

export const strongestOutcome = (all: readonly Outcome[]): Outcome | undefined =>
  strongestFirst.find((candidate) => all.includes(candidate));

/** In the order of the catalogue, areas by first appearance. */
export function requirementVerdicts(run: MergedRun): RequirementArea[] {
  const evidence = evidenceByRequirement(run);
  const cases = casesByRequirement(run);
  const areas = new Map<string, RequirementRow[]>();
  for (const requirement of allRequirements(run, evidence)) {
    const citing = cases.get(requirement.id) ?? [];
    const verdicts = run.targets.map(({ target }): RequirementVerdict => {
      const all = evidence.get(requirement.id)?.get(target) ?? [];
      const here = all.filter(({ isElsewhere }) => !isElsewhere);
      const strongest = strongestOutcome(here.map(({ outcome }) => outcome));
      const none = all.length > 0 ? 'elsewhere' : citing.length === 0 ? 'no-case' : 'no-result';
      return { target, verdict: strongest ?? none, evidence: here };
    });
    const row = { requirement, cases: citing, verdicts };
    const rows = areas.get(requirement.area);
    if (rows === undefined) areas.set(requirement.area, [row]);
    else rows.push(row);
  }
  return [...areas].map(([area, rows]) => ({ area, rows }));
}

type EvidenceByTarget = Map<string, Evidence[]>;

/** By requirement, then by target. */
function evidenceByRequirement(run: MergedRun): ReadonlyMap<string, EvidenceByTarget> {
  const evidence = new Map<string, EvidenceByTarget>();
  for (const result of run.results) {
    for (const { requirement, outcome, elsewhere } of result.record.outcomes) {
      const byTarget: EvidenceByTarget = evidence.get(requirement) ?? new Map();
      evidence.set(requirement, byTarget);
      const list = byTarget.get(result.record.target) ?? [];
      byTarget.set(result.record.target, list);
      list.push({ result, outcome, isElsewhere: elsewhere !== undefined });
    }
  }
  return evidence;
}

function casesByRequirement(run: MergedRun): Map<string, string[]> {
  const cases = new Map<string, string[]>();
  for (const { id, proves } of run.catalogue.cases) {
    for (const requirement of proves) {
      const list = cases.get(requirement);
      if (list === undefined) cases.set(requirement, [id]);
      else list.push(id);
    }
  }
  return cases;
}

/** A record may cite a requirement that its catalogue does not have; its finding is still shown. */
function allRequirements(run: MergedRun, evidence: ReadonlyMap<string, EvidenceByTarget>): SnapshotRequirement[] {
  const known = new Set(run.catalogue.requirements.map(({ id }) => id));
  const unknown = [...evidence.keys()].filter((id) => !known.has(id));
  return [
    ...run.catalogue.requirements,
    ...unknown.map((id) => ({
      id,
      origin: [],
      area: 'not in the catalogue',
      clause: '',
      binds: '',
      level: '',
      basis: '',
      observable: '',
      features: [],
      text: 'The catalogue of this run does not hold this requirement.',
    })),
  ];
}
