import { type Change, type ChangeKind, changeKinds, newFindings, type RunDifference } from './run-difference.ts';
import type { OutlinedFinding, OutlinedResult, RunOutline } from './run-outline.ts';

export const changeTitles: Readonly<Record<ChangeKind, string>> = {
  broke: 'Broke',
  'appeared-failing': 'New, and fails',
  'fails-otherwise': 'Fails in another way',
  'no-longer-judged': 'No longer judged',
  mended: 'Mended',
  went: 'Gone',
  appeared: 'New',
  'judged-now': 'Judged now, and passes',
  'stands-apart-otherwise': 'Fails now, and does not count',
};

/** Changes of one case on one target that are alike, in all its variants. */
export interface ChangeGroup {
  readonly first: Change;
  readonly keys: readonly string[];
  readonly words: string;
}

export function changeGroups(changes: readonly Change[]): ChangeGroup[] {
  const groups = new Map<string, { first: Change; keys: string[]; words: string }>();
  for (const change of changes) {
    const words = changeWords(change);
    const id = JSON.stringify([change.target, change.key.replace(/\[.*$/s, ''), words]);
    const known = groups.get(id);
    if (known === undefined) groups.set(id, { first: change, keys: [change.key], words });
    else known.keys.push(change.key);
  }
  return [...groups.values()];
}

/** `was pass, is fail (split/x: wrong)`; of what was mended, what had failed. */
export function changeWords({ kind, before, after }: Change): string {
  const was = before === undefined ? '' : `was ${before.verdict}${kind === 'mended' ? foundIn(before.findings) : ''}`;
  if (after === undefined) return was;
  const fresh = kind === 'fails-otherwise' ? newFindings(before, after) : after.findings;
  const is = `is ${after.verdict}${foundIn(fresh)}`;
  return was === '' ? is : `${was}, ${is}`;
}

function foundIn(findings: readonly OutlinedFinding[] = []): string {
  return findings.length === 0
    ? ''
    : ` (${findings.map(({ requirement, how }) => `${requirement}: ${how}`).join(', ')})`;
}

/** `qemu-storage-daemon 7.2.22` of each target. */
export function targetsInWords({ targets }: RunOutline): string {
  return targets.map(({ target, version }) => `${target} ${version}`.trim()).join(', ');
}

const most = 30;

/** A difference as lines for a terminal. `names` are those of the two runs. */
export function differenceLines(
  difference: RunDifference,
  names: readonly [string, string],
  runs: readonly [RunOutline, RunOutline],
): string[] {
  const [before, after] = runs;
  const lines = [`${names[0]}: ${targetsInWords(before)}`, `${names[1]}: ${targetsInWords(after)}`];
  lines.push(...setLines(difference, runs));
  for (const kind of changeKinds) {
    const changes = difference.changes.filter((change) => change.kind === kind);
    if (changes.length === 0) continue;
    const groups = changeGroups(changes);
    lines.push('', `${changeTitles[kind]} (${changes.length}):`);
    for (const group of groups.slice(0, most)) lines.push(...groupLines(group));
    if (groups.length > most) lines.push(`  and ${groups.length - most} more`);
  }
  if (difference.features.length > 0) lines.push('', 'Feature bits:');
  for (const { target, feature, before: was, after: is } of difference.features) {
    lines.push(`  ${target}: ${feature}: ${was}, now ${is}`);
  }
  return [...lines, '', `${difference.same} ${difference.same === 1 ? 'result is' : 'results are'} as before.`];
}

function groupLines({ first, keys, words }: ChangeGroup): string[] {
  const more = keys.length === 1 ? '' : ` and ${keys.length - 1} more like it`;
  const rerun = rerunOf(first.after);
  return [`  ${first.target}  ${first.key}${more}`, `    ${words}`, ...(rerun === undefined ? [] : [`    ${rerun}`])];
}

/** Only of what failed: nobody runs again what passes. */
function rerunOf(after: OutlinedResult | undefined): string | undefined {
  return after?.standing === 'failed' || after?.standing === 'broken' ? after.rerun : undefined;
}

/** In what the two runs themselves differ. */
export function setLines(difference: RunDifference, [before, after]: readonly [RunOutline, RunOutline]): string[] {
  const { rulesAppeared, rulesWent, targetsAppeared, targetsWent } = difference;
  const lines: string[] = [];
  if (before.suite.version !== after.suite.version) {
    lines.push(`Suite: ${before.suite.version}, now ${after.suite.version}`);
  }
  if (before.catalogueHash !== after.catalogueHash) {
    lines.push(`Catalogue: ${rulesAppeared.length} requirements are new, ${rulesWent.length} are gone`);
  }
  if (targetsAppeared.length > 0) lines.push(`Judged only now: ${targetsAppeared.join(', ')}`);
  if (targetsWent.length > 0) lines.push(`No longer judged: ${targetsWent.join(', ')}`);
  for (const [when, run] of [
    ['before', before],
    ['now', after],
  ] as const) {
    if (run.missing > 0) lines.push(`Planned results that were not run ${when}: ${run.missing}`);
  }
  return lines;
}
