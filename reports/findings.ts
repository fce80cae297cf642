import { createHash } from 'node:crypto';
import type { CaseResult, MergedRun } from './merge-runs.ts';
import type { SnapshotRequirement } from './record/catalogue-snapshot.ts';
import type { Finding } from './record/record.ts';

/** The same thing found once or often: by several variants of a case, points of a sweep, or repetitions. */
export interface FindingGroup {
  /** Anchor in the page; the same whenever the same thing is found. */
  readonly anchor: string;
  readonly target: string;
  readonly caseId: string;
  readonly title: string;
  /** The first one: it stands for all. */
  readonly finding: Finding;
  readonly requirement: SnapshotRequirement | undefined;
  /** Where it was found, in the order of the plan. Never empty. */
  readonly places: readonly FindingPlace[];
}

export interface FindingPlace {
  readonly result: CaseResult;
  readonly finding: Finding;
}

/** In the order of targets, then of the plan. */
export function findingGroups(run: MergedRun): FindingGroup[] {
  const requirements = new Map(run.catalogue.requirements.map((requirement) => [requirement.id, requirement]));
  const groups = new Map<string, FindingPlace[]>();
  for (const result of run.results) {
    for (const finding of result.record.findings) {
      const id = identityOf(result, finding);
      const places = groups.get(id);
      if (places === undefined) groups.set(id, [{ result, finding }]);
      else places.push({ result, finding });
    }
  }
  const order = new Map(run.targets.map(({ target }, index) => [target, index]));
  return [...groups]
    .flatMap(([id, places]): FindingGroup[] => {
      const [first] = places;
      if (first === undefined) return [];
      const { target, caseId, title } = first.result.record;
      const { finding } = first;
      const requirement = requirements.get(finding.requirement);
      return [{ anchor: anchorOf(id, finding), target, caseId, title, finding, requirement, places }];
    })
    .sort((a, b) => (order.get(a.target) ?? order.size) - (order.get(b.target) ?? order.size));
}

/** What was expected and seen may hold numbers that differ from variant to variant; the check does not. */
function identityOf({ record }: CaseResult, { requirement, how, what }: Finding): string {
  return JSON.stringify([record.target, record.caseId, requirement, how, what]);
}

function anchorOf(identity: string, { requirement }: Finding): string {
  const digest = createHash('sha256').update(identity).digest('hex').slice(0, 8);
  return `finding-${requirement.replace(/[^A-Za-z0-9-]+/g, '-')}-${digest}`;
}
