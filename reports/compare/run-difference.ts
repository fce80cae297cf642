import type { OutlinedFinding, OutlinedResult, RunOutline } from './run-outline.ts';

/** How a result differs between two runs; what is worst for the later one first. */
export const changeKinds = [
  'broke',
  'appeared-failing',
  'fails-otherwise',
  'no-longer-judged',
  'mended',
  'went',
  'appeared',
  'judged-now',
  'stands-apart-otherwise',
] as const;
export type ChangeKind = (typeof changeKinds)[number];

/** Those that a later run must not bring. */
export const regressions: ReadonlySet<ChangeKind> = new Set(['broke', 'appeared-failing', 'fails-otherwise']);

export interface Change {
  readonly kind: ChangeKind;
  readonly target: string;
  readonly key: string;
  readonly before: OutlinedResult | undefined;
  readonly after: OutlinedResult | undefined;
}

export interface FeatureChange {
  readonly target: string;
  readonly feature: string;
  /** `pass 3/3`, `not offered`. */
  readonly before: string;
  readonly after: string;
}

export interface RunDifference {
  /** In the order of kinds, then of the later run's plan. */
  readonly changes: readonly Change[];
  readonly features: readonly FeatureChange[];
  /** Results that are the same in both. */
  readonly same: number;
  /** Slugs that only one of the two catalogues has. */
  readonly rulesAppeared: readonly string[];
  readonly rulesWent: readonly string[];
  /** Targets that only one of the two runs judged. */
  readonly targetsAppeared: readonly string[];
  readonly targetsWent: readonly string[];
}

/** Names of the suite that were retired, and what took their place. */
export interface Renamed {
  /** Ids of the cases that a case of this id is now; undefined where the id stands. */
  readonly cases: (id: string) => readonly string[] | undefined;
  readonly requirement: (slug: string) => string;
}

const nothingRenamed: Renamed = { cases: () => undefined, requirement: (slug) => slug };

/**
 * What changed from one run to another. Targets are told by name; where two runs of one target each name it differently,
 * these two are compared.
 */
export function runDifference(before: RunOutline, after: RunOutline, renamed: Renamed = nothingRenamed): RunDifference {
  const names = namesOf(before, after);
  const nameIn = (target: string): string => names.get(target) ?? target;
  const earlier = new Map(
    before.results.flatMap((result) =>
      currentKeys(result.key, renamed).map((key) => [idOf(nameIn(result.target), key), result] as const),
    ),
  );
  const seen = new Set<string>();
  const targets = new Set(after.targets.map(({ target }) => target));
  const known = new Set(before.targets.map(({ target }) => nameIn(target)));
  const changes: Change[] = [];
  let same = 0;
  for (const result of after.results) {
    const id = idOf(result.target, result.key);
    seen.add(id);
    // Of a target that is new all is new: that is said once.
    if (!known.has(result.target)) continue;
    const old = earlier.get(id);
    const kind = changeOf(old, result, renamed);
    if (kind === undefined) same++;
    else changes.push({ kind, target: result.target, key: result.key, before: old, after: result });
  }
  for (const [id, old] of earlier) {
    const target = nameIn(old.target);
    if (seen.has(id) || !targets.has(target)) continue;
    changes.push({ kind: 'went', target, key: old.key, before: old, after: undefined });
  }
  const slugs = new Set(before.requirements.map(renamed.requirement));
  const newSlugs = new Set(after.requirements);
  return {
    changes: changeKinds.flatMap((kind) => changes.filter((change) => change.kind === kind)),
    features: featureChanges(before, after, nameIn),
    same,
    rulesAppeared: after.requirements.filter((slug) => !slugs.has(slug)),
    rulesWent: before.requirements.filter((slug) => !newSlugs.has(renamed.requirement(slug))),
    targetsAppeared: [...targets].filter((target) => !known.has(target)),
    targetsWent: before.targets.map(({ target }) => target).filter((target) => !targets.has(nameIn(target))),
  };
}

const idOf = (target: string, key: string): string => JSON.stringify([target, key]);

/** Names of the earlier run as the later one says them, where they differ. */
function namesOf(before: RunOutline, after: RunOutline): ReadonlyMap<string, string> {
  const [[old], [now]] = [before.targets, after.targets];
  const isOneEach = before.targets.length === 1 && after.targets.length === 1;
  return isOneEach && old !== undefined && now !== undefined ? new Map([[old.target, now.target]]) : new Map();
}

/** `id[variant]` with the ids that stand for it now. */
function currentKeys(key: string, { cases }: Renamed): string[] {
  const [, id = key, variant = ''] = /^([^[]*)(\[.*)?$/s.exec(key) ?? [];
  return (cases(id) ?? [id]).map((current) => `${current}${variant}`);
}

type Rank = 'good' | 'bad' | 'apart' | 'silent';

function rankOf({ standing }: OutlinedResult): Rank {
  switch (standing) {
    case 'ok':
      return 'good';
    case 'failed':
    case 'broken':
      return 'bad';
    // What an expectations file knows, or no text that counts forbids, is no news.
    case 'known':
    case 'apart':
      return 'apart';
    case 'skipped':
      return 'silent';
  }
}

function changeOf(before: OutlinedResult | undefined, after: OutlinedResult, renamed: Renamed): ChangeKind | undefined {
  const now = rankOf(after);
  if (before === undefined) return now === 'bad' ? 'appeared-failing' : 'appeared';
  const was = rankOf(before);
  const isNew = newFindings(before, after, renamed).length > 0;
  if (now === 'bad') {
    if (was !== 'bad') return 'broke';
    return isNew || before.verdict !== after.verdict ? 'fails-otherwise' : undefined;
  }
  if (now === 'good') return was === 'bad' || was === 'apart' ? 'mended' : was === 'good' ? undefined : 'judged-now';
  if (now === 'silent') return was === 'silent' ? undefined : 'no-longer-judged';
  return was === 'apart' && !isNew ? undefined : 'stands-apart-otherwise';
}

/** What the later result broke and the earlier one did not. */
export function newFindings(
  before: OutlinedResult | undefined,
  after: OutlinedResult,
  renamed: Renamed = nothingRenamed,
): OutlinedFinding[] {
  const known = new Set(
    (before?.findings ?? []).map(({ requirement, how }) => idOf(renamed.requirement(requirement), how)),
  );
  return (after.findings ?? []).filter(({ requirement, how }) => !known.has(idOf(requirement, how)));
}

const absent = 'not offered';

function featureChanges(before: RunOutline, after: RunOutline, nameIn: (target: string) => string): FeatureChange[] {
  return before.targets.flatMap(({ target }) => {
    const name = nameIn(target);
    const [old, now] = [before.features[target], after.features[name]];
    if (old === undefined || now === undefined) return [];
    return [...new Set([...Object.keys(now), ...Object.keys(old)])].flatMap((feature): FeatureChange[] => {
      const [was, is] = [old[feature] ?? absent, now[feature] ?? absent];
      return was === is ? [] : [{ target: name, feature, before: was, after: is }];
    });
  });
}
