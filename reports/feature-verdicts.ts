import { featureDeviceOf, isBeyondText } from '../reference-impl/catalogue/catalogue.ts';
import { apartOf } from './judged-by-texts.ts';
import type { MergedRun } from './merge-runs.ts';
import type { SnapshotFeature, SnapshotRequirement } from './record/catalogue-snapshot.ts';
import type { Outcome, TargetRecord } from './record/record.ts';
import { type RequirementArea, type RequirementRow, strongestOutcome } from './requirement-verdicts.ts';

/** What a cell of the matrix says; docs/INTERPRETING.md has the rules. */
export type FeatureVerdict =
  | { readonly kind: 'pass'; readonly of: number }
  /** `unseen`: why the bit is not a pass although all passed, for its function was not seen to work. */
  | { readonly kind: 'partial'; readonly passed: number; readonly of: number; readonly unseen?: string }
  | { readonly kind: 'fail'; readonly failed: number; readonly passed: number; readonly of: number }
  /** `by`: it is a bit that a front-end did not take, and not one that a back-end does not offer. */
  | { readonly kind: 'not-offered'; readonly by?: 'front-end' }
  /** Another part than the target serves the feature. */
  | { readonly kind: 'owned'; readonly by: string }
  | { readonly kind: 'no-case'; readonly of: number }
  /** Nothing hangs on the bit that any case could judge. */
  | { readonly kind: 'untestable'; readonly why: string }
  /** The bit belongs to another device or protocol than the target. */
  | { readonly kind: 'elsewhere' };

export interface FeatureRow {
  readonly feature: SnapshotFeature;
  /** What hangs on the bit and can be judged, what no text says left out. */
  readonly requirements: readonly SnapshotRequirement[];
  /** One for each target, in the order of the run's targets. */
  readonly cells: readonly FeatureVerdict[];
}

export interface FeatureGroup {
  /** `common`, a device, or a protocol. */
  readonly device: string;
  readonly rows: readonly FeatureRow[];
}

/** Reasons for having no case that take a requirement out of the count, because no case could ever add to it. */
const uncountedReasons: readonly string[] = ['not-observable', 'implied-by', 'out-of-scope'];

type Evidence = RequirementRow['verdicts'][number]['evidence'][number];

/** Groups in the order of the catalogue, of the bits that concern at least one target. */
export function featureVerdicts(run: MergedRun, areas: readonly RequirementArea[]): FeatureGroup[] {
  // What the texts that count for a target do not hold neither adds to its cells nor fails them.
  const isInForce = ({ requirement }: RequirementRow, target: TargetRecord): boolean =>
    apartOf(requirement, run, target) === undefined;
  const all = areas.flatMap(({ rows }) => rows);
  const judged = all.filter(
    (row) => countsSomewhere(row.requirement, run.targets) && run.targets.some((target) => isInForce(row, target)),
  );
  const bits = new Map(run.catalogue.features.map((feature) => [feature.name, feature]));
  const groups = new Map<string, FeatureRow[]>();
  for (const feature of run.catalogue.features) {
    const hanging = judged.filter((row) => hangsOn(row, feature.name));
    const witnesses = all.filter(({ requirement }) => feature.witnesses?.includes(requirement.id) ?? false);
    const cells = run.targets.map((target, index) => {
      const isOf = ({ requirement }: RequirementRow): boolean => isRequirementOf(requirement, feature, target, bits);
      const counted = hanging.filter((row) => counts(row.requirement, target) && isInForce(row, target) && isOf(row));
      return featureVerdict(feature, target, index, counted, witnesses.filter(isOf));
    });
    if (cells.every(({ kind }) => kind === 'elsewhere')) continue;
    const row = { feature, requirements: hanging.map(({ requirement }) => requirement), cells };
    const rows = groups.get(feature.device);
    if (rows === undefined) groups.set(feature.device, [row]);
    else rows.push(row);
  }
  return [...groups].map(([device, rows]) => ({ device, rows }));
}

const bindsUser = ({ binds }: SnapshotRequirement): boolean => binds === 'driver' || binds === 'front-end';

/**
 * Robustness is our expectation and not the text's; what only permits cannot be broken. What binds the driver or the
 * front-end counts for those alone: an observation sees it, whatever one who plays them could see.
 */
function counts(requirement: SnapshotRequirement, { role }: TargetRecord): boolean {
  const { basis, observable, level, untested } = requirement;
  if (isBeyondText(basis) || level === 'MAY' || bindsUser(requirement) !== (role === 'front-end')) return false;
  if (observable === 'no' && role !== 'front-end') return false;
  return !uncountedReasons.some((reason) => untested?.startsWith(reason) ?? false);
}

const countsSomewhere = (requirement: SnapshotRequirement, targets: readonly TargetRecord[]): boolean =>
  targets.some((target) => counts(requirement, target));

/** By the catalogue, or because a finding says that it is about the bit. */
function hangsOn({ requirement, verdicts }: RequirementRow, name: string): boolean {
  if (requirement.features.includes(name)) return true;
  return verdicts.some(({ evidence }) => evidence.some((one) => outcomeIn(one, requirement.id)?.about?.includes(name)));
}

/** Whether a target of that device, transport and offer can be asked for it, the bit of the cell aside. */
function isRequirementOf(
  { device, via, features }: SnapshotRequirement,
  feature: SnapshotFeature,
  target: TargetRecord,
  bits: ReadonlyMap<string, SnapshotFeature>,
): boolean {
  if (device !== undefined && device !== target.device) return false;
  if (target.role === undefined && via !== undefined && !via.includes(target.transport)) return false;
  return features.every((name) => {
    const other = bits.get(name);
    return name === feature.name || other === undefined || concerns(other, target);
  });
}

function featureVerdict(
  feature: SnapshotFeature,
  target: TargetRecord,
  targetIndex: number,
  hanging: readonly RequirementRow[],
  witnesses: readonly RequirementRow[],
): FeatureVerdict {
  if (!concerns(feature, target)) return { kind: 'elsewhere' };
  const owner = target.ownedBy[feature.name];
  if (owner !== undefined) return { kind: 'owned', by: owner };
  const verdicts = hanging.flatMap((row) => verdictOnBit(row, feature.name, target, targetIndex));
  const of = verdicts.length;
  const failed = verdicts.filter((verdict) => verdict === 'fail').length;
  const passed = verdicts.filter((verdict) => verdict === 'pass').length;
  if (failed > 0) return { kind: 'fail', failed, passed, of };
  if (!target.offered.includes(feature.name)) {
    return target.role === undefined ? { kind: 'not-offered' } : { kind: 'not-offered', by: target.role };
  }
  // What shows a bit at work is the device's to show.
  const unseen = target.role === undefined ? whyUnseen(feature, witnesses, targetIndex) : undefined;
  const isJudged = verdicts.some((verdict) => verdict !== 'no-case' && verdict !== 'no-result');
  const isNothing = of > 0 || unseen !== undefined || feature.witnesses === undefined || target.role !== undefined;
  if (!isJudged && feature.isUntestable === true && unseen !== undefined) return { kind: 'untestable', why: unseen };
  if (!isJudged && isNothing) return { kind: 'no-case', of };
  if (passed < of) return { kind: 'partial', passed, of };
  return unseen === undefined ? { kind: 'pass', of } : { kind: 'partial', passed, of, unseen };
}

/**
 * The verdict of a requirement as far as it is about the bit: by the results that are. None where all that was judged is
 * about other bits, or where one that it hangs on as well is not offered.
 */
function verdictOnBit(
  { requirement, verdicts }: RequirementRow,
  name: string,
  { offered }: TargetRecord,
  targetIndex: number,
): (Outcome | 'no-case' | 'no-result')[] {
  const here = verdicts[targetIndex];
  if (here === undefined || here.verdict === 'elsewhere') return [];
  const about = here.evidence.filter((one) => isAbout(one, requirement, name));
  const verdict = strongestOutcome(about.map(({ outcome }) => outcome));
  if (verdict === 'fail') return ['fail'];
  const lacksAnother = requirement.features.some((other) => other !== name && !offered.includes(other));
  if (lacksAnother && requirement.features.includes(name) && verdict !== 'pass') return [];
  if (verdict !== undefined) return [verdict];
  if (here.evidence.length > 0 || !requirement.features.includes(name)) return [];
  return [here.verdict === 'no-case' ? 'no-case' : 'no-result'];
}

/**
 * A result is about the bits that the requirement hangs on and that its sessions took; where they took none of them, the
 * requirement is about their offer or their absence, and so about all. A failure may name more.
 */
function isAbout(evidence: Evidence, { id, features }: SnapshotRequirement, name: string): boolean {
  const outcome = outcomeIn(evidence, id);
  if (outcome?.about?.includes(name)) return true;
  if (!features.includes(name)) return false;
  const { accepted } = evidence.result.record;
  return accepted === undefined || accepted.includes(name) || !features.some((other) => accepted.includes(other));
}

const outcomeIn = ({ result }: Evidence, id: string) =>
  result.record.outcomes.find(({ requirement }) => requirement === id);

/** Why the function of a bit was not seen to work; undefined where it was, and for records before 1.3. */
function whyUnseen(
  { name, witnesses: ids, unseen }: SnapshotFeature,
  witnesses: readonly RequirementRow[],
  targetIndex: number,
): string | undefined {
  if (ids === undefined) return undefined;
  if (ids.length === 0) return unseen ?? 'no requirement shows it';
  const isSeen = witnesses.some(({ verdicts }) =>
    verdicts[targetIndex]?.evidence.some(
      ({ result, outcome }) => outcome === 'pass' && result.record.accepted?.includes(name),
    ),
  );
  return isSeen ? undefined : `none of ${ids.join(', ')} passed in a session that took it`;
}

function concerns({ device, kind }: SnapshotFeature, target: TargetRecord): boolean {
  if (kind === 'vhost-backend') return target.transport === 'vhost-kernel' || target.transport === 'vhost-vdpa';
  return device === 'common' || device === featureDeviceOf(target.device) || target.transport.startsWith(device);
}
