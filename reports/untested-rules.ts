import type { CatalogueSnapshot, SnapshotRequirement } from './record/catalogue-snapshot.ts';

/** Rules that no case cites, by the kind of reason that the catalogue gives. */
export interface UntestedGroup {
  /** `not-yet`, `implied-by`, `out-of-scope`, `not-observable`; empty where no reason is given. */
  readonly kind: string;
  readonly reasons: readonly UntestedReason[];
}

/** Rules that share their reason. */
export interface UntestedReason {
  /** What is said beyond the kind; empty where that is all. */
  readonly detail: string;
  readonly rules: readonly SnapshotRequirement[];
}

const kinds = ['', 'not-yet', 'implied-by', 'out-of-scope', 'not-observable'];

/** What can be done about first; of a kind the reason of most rules first. */
export function untestedGroups({
  requirements,
  cases,
}: Pick<CatalogueSnapshot, 'requirements' | 'cases'>): UntestedGroup[] {
  const cited = new Set(cases.flatMap(({ proves }) => proves));
  const groups = new Map<string, Map<string, SnapshotRequirement[]>>();
  for (const rule of requirements) {
    if (cited.has(rule.id)) continue;
    const { kind, detail } = partsOf(rule.untested ?? '');
    const reasons = groups.get(kind) ?? new Map<string, SnapshotRequirement[]>();
    groups.set(kind, reasons.set(detail, [...(reasons.get(detail) ?? []), rule]));
  }
  const place = (kind: string): number => (kinds.includes(kind) ? kinds.indexOf(kind) : kinds.length);
  return [...groups]
    .sort(([a], [b]) => place(a) - place(b) || (a < b ? -1 : 1))
    .map(([kind, reasons]) => ({
      kind,
      reasons: [...reasons]
        .map(([detail, rules]) => ({ detail, rules }))
        .sort((a, b) => b.rules.length - a.rules.length || (a.detail < b.detail ? -1 : 1)),
    }));
}

export const countOfUntested = (groups: readonly UntestedGroup[]): number =>
  groups.reduce((sum, { reasons }) => sum + reasons.reduce((of, { rules }) => of + rules.length, 0), 0);

/** `implied-by blk/read: a read shows it` is of the kind `implied-by`. */
function partsOf(untested: string): { readonly kind: string; readonly detail: string } {
  const [, kind = '', detail = ''] = /^([a-z-]*):?\s*(.*)$/s.exec(untested) ?? [undefined, '', untested];
  return { kind, detail };
}
