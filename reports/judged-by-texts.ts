import { countingVersions, textStandingOf } from '../reference-impl/catalogue/catalogue.ts';
import type { CaseResult, MergedRun } from './merge-runs.ts';
import type { SnapshotRequirement } from './record/catalogue-snapshot.ts';
import { type ApartReason, type Finding, neverExcused, type TargetRecord } from './record/record.ts';

/** The same run as if it had chosen these versions of texts: what stands apart follows, results stay. */
export function judgedByTexts(recorded: MergedRun, texts: readonly string[]): MergedRun {
  const run = { ...recorded, facts: { ...recorded.facts, texts } };
  const judged = (finding: Finding, target: TargetRecord | undefined): Finding => {
    const { apart: _, ...rest } = finding;
    const requirement = run.catalogue.requirements.find(({ id }) => id === finding.requirement);
    const apart = requirement === undefined ? undefined : apartOf(requirement, run, target);
    return apart === undefined || neverExcused.has(finding.how) ? rest : { ...rest, apart };
  };
  const results = run.results.map(({ record, root }): CaseResult => {
    const target = run.targets.find((one) => one.target === record.target);
    return { root, record: { ...record, findings: record.findings.map((finding) => judged(finding, target)) } };
  });
  return { ...run, results };
}

/**
 * Why a violation of a requirement by a target does not count; undefined where it does. What the run chose counts, and of
 * other texts what the target was written to.
 */
export function apartOf(
  { since, until }: SnapshotRequirement,
  { catalogue: { sources = [] }, facts }: Pick<MergedRun, 'catalogue' | 'facts'>,
  target: Pick<TargetRecord, 'texts'> | undefined,
): ApartReason | undefined {
  if (since === undefined) return undefined;
  const texts = countingVersions(facts.texts, target?.texts ?? [], sources);
  const standing = textStandingOf({ since, until: until ?? null }, sources, texts);
  return standing === 'in-force' ? undefined : standing;
}

/** Why it counts for no target of the run; undefined where it counts for one. */
export function apartForAll(requirement: SnapshotRequirement, run: MergedRun): ApartReason | undefined {
  const reasons = run.targets.map((target) => apartOf(requirement, run, target));
  return reasons.includes(undefined) ? undefined : (reasons[0] ?? apartOf(requirement, run, undefined));
}

const words: Readonly<Record<ApartReason, string>> = {
  'newest-text-only': 'newest text only',
  'later-text': 'later than the text that counts',
  withdrawn: 'no longer in the text',
};

/** `newest text only`, and the like. */
export function apartWords(reason: ApartReason): string {
  return words[reason];
}
