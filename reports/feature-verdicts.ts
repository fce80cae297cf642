import { featureDeviceOf, isBeyondText } from '../reference-impl/catalogue/catalogue.ts';
import { apartOf } from './judged-by-texts.ts';
import type { MergedRun } from './merge-runs.ts';
import type { SnapshotFeature, SnapshotRequirement } from './record/catalogue-snapshot.ts';
import type { TargetRecord } from './record/record.ts';
import type { RequirementArea, RequirementRow, RequirementVerdictKind } from './requirement-verdicts.ts';

/** What a cell of the matrix says; docs/INTERPRETING.md has the rules. */
export type FeatureVerdict =
  | { readonly kind: 'pass'; readonly of: number }
  | { readonly kind: 'partial'; readonly passed: number; readonly of: number }
  | { readonly kind: 'fail'; readonly failed: number; readonly of: number }
  | { readonly kind: 'not-offered' }
  /** Another part than the target serves the feature. */
  | { readonly kind: 'owned'; readonly by: string }
  | { readonly kind: 'no-case'; readonly of: number }
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
const uncountedReasons: readonly string[] = ['not-observable', 'implied-by'];

/** Groups in the order of the catalogue, of the bits that concern at least one target. */
export function featureVerdicts(run: MergedRun, areas: readonly RequirementArea[]): FeatureGroup[] {
  // What the chosen texts do not hold neither adds to a cell nor fails it.
  const isInForce = ({ requirement }: RequirementRow): boolean =>
    apartOf(requirement, run.catalogue, run.facts.texts) === undefined;
  const judged = areas.flatMap(({ rows }) => rows).filter((row) => counts(row.requirement) && isInForce(row));
  const groups = new Map<string, FeatureRow[]>();
  for (const feature of run.catalogue.features) {
    const hanging = judged.filter(({ requirement }) => requirement.features.includes(feature.name));
    const cells = run.targets.map((target, index) => featureVerdict(feature, target, index, hanging));
    if (cells.every(({ kind }) => kind === 'elsewhere')) continue;
    const row = { feature, requirements: hanging.map(({ requirement }) => requirement), cells };
    const rows = groups.get(feature.device);
    if (rows === undefined) groups.set(feature.device, [row]);
    else rows.push(row);
  }
  return [...groups].map(([device, rows]) => ({ device, rows }));
}

/** Robustness is our expectation and not the text's; what binds the driver or only permits cannot be broken by an IUT. */
function counts({ basis, observable, binds, level, untested }: SnapshotRequirement): boolean {
  if (isBeyondText(basis) || observable === 'no') return false;
  if (binds === 'driver' || binds === 'front-end' || level === 'MAY') return false;
  return !uncountedReasons.some((reason) => untested?.startsWith(reason) ?? false);
}

function featureVerdict(
  feature: SnapshotFeature,
  target: TargetRecord,
  targetIndex: number,
  hanging: readonly RequirementRow[],
): FeatureVerdict {
  if (!concerns(feature, target)) return { kind: 'elsewhere' };
  const owner = target.ownedBy[feature.name];
  if (owner !== undefined) return { kind: 'owned', by: owner };
  const verdicts = hanging
    .filter(({ requirement }) => requirement.via?.includes(target.transport) ?? true)
    .map((row): RequirementVerdictKind => row.verdicts[targetIndex]?.verdict ?? 'no-result');
  const of = verdicts.length;
  const failed = verdicts.filter((verdict) => verdict === 'fail').length;
  if (failed > 0) return { kind: 'fail', failed, of };
  if (!target.offered.includes(feature.name)) return { kind: 'not-offered' };
  if (verdicts.every((verdict) => verdict === 'no-case' || verdict === 'no-result' || verdict === 'elsewhere'))
    return { kind: 'no-case', of };
  const passed = verdicts.filter((verdict) => verdict === 'pass').length;
  return passed === of ? { kind: 'pass', of } : { kind: 'partial', passed, of };
}

function concerns({ device, kind }: SnapshotFeature, target: TargetRecord): boolean {
  if (kind === 'vhost-backend') return target.transport === 'vhost-kernel' || target.transport === 'vhost-vdpa';
  return device === 'common' || device === featureDeviceOf(target.device) || target.transport.startsWith(device);
}
