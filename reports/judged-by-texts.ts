import { textStandingOf } from '../reference-impl/catalogue/catalogue.ts';
import type { CaseResult, MergedRun } from './merge-runs.ts';
import type { CatalogueSnapshot, SnapshotRequirement } from './record/catalogue-snapshot.ts';
import { type ApartReason, type Finding, neverExcused } from './record/record.ts';

/** The same run as if it had chosen these versions of texts: what stands apart follows, results stay. */
export function judgedByTexts(run: MergedRun, texts: readonly string[]): MergedRun {
  const judged = (finding: Finding): Finding => {
    const { apart: _, ...rest } = finding;
    const requirement = run.catalogue.requirements.find(({ id }) => id === finding.requirement);
    const apart = requirement === undefined ? undefined : apartOf(requirement, run.catalogue, texts);
    return apart === undefined || neverExcused.has(finding.how) ? rest : { ...rest, apart };
  };
  const results = run.results.map(
    ({ record, root }): CaseResult => ({ root, record: { ...record, findings: record.findings.map(judged) } }),
  );
  return { ...run, facts: { ...run.facts, texts }, results };
}

/** Why a violation of a requirement does not count under the chosen texts; undefined where it does. */
export function apartOf(
  { since, until }: SnapshotRequirement,
  { sources = [] }: CatalogueSnapshot,
  texts: readonly string[],
): ApartReason | undefined {
  if (since === undefined) return undefined;
  const standing = textStandingOf({ since, until: until ?? null }, sources, texts);
  return standing === 'in-force' ? undefined : standing;
}

const words: Readonly<Record<ApartReason, string>> = {
  'newest-text-only': 'newest text only',
  'later-text': 'later than the chosen text',
  withdrawn: 'no longer in the text',
};

/** `newest text only`, and the like. */
export function apartWords(reason: ApartReason): string {
  return words[reason];
}
