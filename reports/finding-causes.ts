import { isBeyondText } from '../reference-impl/catalogue/catalogue.ts';
import { countOnce } from './case-verdicts.ts';
import type { FindingGroup } from './findings.ts';
import type { Finding } from './record/record.ts';
import { isApart, levelWord } from './result-explanation.ts';

/** What a finding stands against, the heaviest first: the texts that count, other versions of them, what we expect. */
export const findingWeights = ['text', 'apart', 'beyond'] as const;
export type FindingWeight = (typeof findingWeights)[number];

/** Findings of one target that one cause explains: the same rule broken in the same way, or the same crash. */
export interface FindingCause {
  readonly weight: FindingWeight;
  /** The heaviest first. Never empty. */
  readonly findings: readonly [FindingGroup, ...FindingGroup[]];
  /** Results in which any of them was made; repetitions of one count once. */
  readonly results: number;
}

export function weightOf({ finding }: Pick<FindingGroup, 'finding'>): FindingWeight {
  if (isApart(finding)) return 'apart';
  return isBeyondText(finding.basis) ? 'beyond' : 'text';
}

/** Results in which any of these was made; repetitions of one count once. */
export const resultsWith = (findings: readonly FindingGroup[]): number =>
  countOnce(findings.flatMap(({ places }) => places.map(({ result }) => result.record)));

/** By weight, level, harm and target; findings of one cause stand together. */
export function findingCauses(findings: readonly FindingGroup[]): FindingCause[] {
  const groups = new Map<string, [FindingGroup, ...FindingGroup[]]>();
  for (const group of findings) {
    const id = causeOf(group);
    const known = groups.get(id);
    if (known === undefined) groups.set(id, [group]);
    else known.push(group);
  }
  const causes = [...groups.values()].map(([first, ...others]): FindingCause => {
    const findings = [first, ...others] as const;
    return { weight: weightOf(first), findings: [...findings], results: resultsWith(findings) };
  });
  // Sorting is stable: within equal ranks the order of targets and of the plan stays.
  return causes.sort((a, b) => compareRanks(rankOf(a), rankOf(b)));
}

const levels = ['MUST', 'MUST NOT', 'REQUIRED', 'SHALL', 'SHALL NOT', 'SHOULD', 'SHOULD NOT', 'RECOMMENDED'];
const harms: readonly Finding['how'][] = ['crash', 'hang', 'leak', 'stalled', 'desync', 'wrong'];

/** Findings of one result, the heaviest first. */
export function byWeight(findings: readonly Finding[]): Finding[] {
  return [...findings].sort((a, b) => compareRanks(rankOfFinding(a), rankOfFinding(b)));
}

const rankOf = ({ findings: [{ finding }] }: FindingCause): readonly number[] => rankOfFinding(finding);

function rankOfFinding(finding: Finding): readonly number[] {
  const weight = weightOf({ finding });
  const level = levels.indexOf(levelWord(finding));
  return [
    findingWeights.indexOf(weight),
    level < 0 ? levels.length : Math.floor(level / 5),
    harms.indexOf(finding.how),
  ];
}

function compareRanks(a: readonly number[], b: readonly number[]): number {
  for (const [index, rank] of a.entries()) {
    const difference = rank - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** A process that ends in one way ends for one reason, whatever the case; of anything else the rule tells. */
function causeOf(group: FindingGroup): string {
  const { target, finding } = group;
  const { how, requirement, exit, stderr } = finding;
  const lastWords = lastLineOf(stderr);
  const what = how === 'crash' && lastWords !== undefined ? [exit, lastWords] : [requirement];
  return JSON.stringify([target, weightOf(group), how, what]);
}

/** The last line that a process wrote, with its numbers left out: addresses and times differ. */
function lastLineOf(text: string | undefined): string | undefined {
  const line = text?.trimEnd().split('\n').at(-1)?.trim();
  return line === undefined || line === '' ? undefined : line.replace(/0x[0-9a-f]+|\d+/gi, '#');
}
