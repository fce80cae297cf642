import type { FindingGroup } from '../findings.ts';
import type { SnapshotRequirement } from '../record/catalogue-snapshot.ts';
import type { TargetRecord } from '../record/record.ts';
import { levelWord } from '../result-explanation.ts';

/** Attributes of an item of the page by which the filter chooses. */
export interface ItemFacts {
  /** Kinds with the numbers of the targets that have them, `fail:0,2 wrong:0`; `*` is every target. */
  readonly 'data-v': string;
  /** Level, basis and text of the rules that it is about, `l:MUST|b:keyword|s:virtio-1.0`. */
  readonly 'data-f': string;
}

type Rule = Pick<SnapshotRequirement, 'level' | 'basis' | 'since'>;

export function itemFacts(kinds: ReadonlyMap<string, readonly number[] | '*'>, rules: readonly Rule[]): ItemFacts {
  const facts = rules.flatMap((rule) => [
    `l:${levelWord(rule)}`,
    `b:${rule.basis}`,
    ...(rule.since === undefined ? [] : [`s:${rule.since}`]),
  ]);
  return {
    'data-v': [...kinds].map(([kind, places]) => `${kind}:${places === '*' ? '*' : places.join(',')}`).join(' '),
    'data-f': [...new Set(facts)].join('|'),
  };
}

/** The kinds of a row with a place for each target, and in which ways its findings show. */
export function kindsOf(
  verdicts: readonly string[],
  targets: readonly TargetRecord[],
  found: readonly FindingGroup[],
): Map<string, number[]> {
  const kinds = new Map<string, number[]>();
  const add = (kind: string, index: number): void => {
    const known = kinds.get(kind);
    if (known === undefined) kinds.set(kind, [index]);
    else if (!known.includes(index)) known.push(index);
  };
  for (const [index, verdict] of verdicts.entries()) add(verdict, index);
  for (const { target, finding } of found) {
    add(
      finding.how,
      targets.findIndex((one) => one.target === target),
    );
  }
  return kinds;
}

/** What a finding is about, and whose it is. */
export function factsOfFinding(targets: readonly TargetRecord[], group: FindingGroup): ItemFacts {
  return itemFacts(kindsOf([], targets, [group]).set('fail', [indexOf(targets, group)]), [group.finding]);
}

const indexOf = (targets: readonly TargetRecord[], { target }: FindingGroup): number =>
  targets.findIndex((one) => one.target === target);
