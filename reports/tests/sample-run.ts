import {
  allClauses,
  allFeatures,
  allRequirements,
  allSources,
  catalogueHash,
  untestedText,
} from '../../reference-impl/catalogue/catalogue.ts';
import type { FailureKind } from '../../reference-impl/observations/failure-kind.ts';
import {
  type CatalogueSnapshot,
  type SnapshotRequirement,
  writeCatalogueSnapshot,
} from '../record/catalogue-snapshot.ts';
import { type CaseRecord, caseKey, type Outcome, recordSchemaVersion, type TargetRecord } from '../record/record.ts';
import { RecordWriter } from '../record/record-writer.ts';
import { claimRunDirectory, type RunDirectory } from '../record/run-directory.ts';
import { type PlannedResult, writeRunPlan } from '../record/run-plan.ts';
import { TraceWriter } from '../trace/trace-file.ts';
import { sampleFinding, samplePoints } from './sample-finding.ts';
import { sampleMdevTrace } from './sample-mdev-trace.ts';
import { hostileText, sampleTrace } from './sample-trace.ts';

/** How large a made-up run is; it holds every verdict, every kind of finding and hostile text whatever the size. */
export interface SampleSize {
  readonly cases: number;
  /** One case in so many fails. */
  readonly failing: number;
  /** How often each target is there, under names of their own; once where it is left out. */
  readonly times?: number;
}

export const sampleTargets: readonly TargetRecord[] = [
  sampleTarget('qemu-storage-daemon', 'block', 'QEMU storage daemon', '7.2.22', [
    'VIRTIO_BLK_F_FLUSH',
    'VIRTIO_BLK_F_SEG_MAX',
  ]),
  sampleTarget('dpdk-testpmd', 'net', `DPDK testpmd ${hostileText}`, '22.11.7', ['VIRTIO_NET_F_MRG_RXBUF', 'bit 57']),
  sampleTarget('reference', 'block', 'the reference of this suite', '0.1.0', [
    'VIRTIO_F_IN_ORDER',
    'VIRTIO_BLK_F_FLUSH',
  ]),
  {
    event: 'target',
    target: 'kernel-vhost-mdev',
    transport: 'vhost-mdev',
    device: 'block',
    identity: 'a module of a kernel, layout L2',
    version: 'Linux 6.12',
    offered: ['VIRTIO_F_VERSION_1', 'VIRTIO_F_INDIRECT_DESC', 'VIRTIO_F_EVENT_IDX', 'VIRTIO_BLK_F_FLUSH'],
    capabilities: ['initial-base'],
    ownedBy: {},
  },
];

function sampleTarget(
  target: string,
  device: string,
  identity: string,
  version: string,
  offered: readonly string[],
): TargetRecord {
  return {
    event: 'target',
    target,
    transport: 'vhost-user',
    device,
    identity,
    version,
    binaryHash: `${'c0ffee'.repeat(10)}beef`,
    offered: [
      'VIRTIO_F_VERSION_1',
      'VIRTIO_F_INDIRECT_DESC',
      'VIRTIO_F_EVENT_IDX',
      'VHOST_USER_F_PROTOCOL_FEATURES',
      'VHOST_USER_PROTOCOL_F_REPLY_ACK',
      'VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS',
      'VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD',
      'VHOST_F_LOG_ALL',
      ...offered,
    ],
    capabilities: ['initial-base', 'restart'],
    ownedBy: device === 'net' ? { VIRTIO_NET_F_MAC: 'front-end', VIRTIO_NET_F_CTRL_VQ: 'front-end' } : {},
    startMs: 41.5,
    latencyUs: 23.4,
  };
}

interface SampleCase {
  readonly id: string;
  readonly title: string;
  readonly requirement: SnapshotRequirement;
}

function sampleCases(requirements: readonly SnapshotRequirement[], count: number): SampleCase[] {
  const usable = requirements.filter(
    ({ observable, binds, via }) => observable === 'yes' && binds !== 'driver' && via?.includes('vhost-user') === true,
  );
  const stride = Math.max(1, usable.length / count);
  return Array.from(
    { length: Math.min(count, usable.length) },
    (_, index) => usable[Math.floor(index * stride)],
  ).flatMap((requirement) => {
    if (requirement === undefined) return [];
    const id = requirement.id;
    return [{ id, title: requirement.text.replace(/\.$/, ''), requirement }];
  });
}

function sampleSnapshot(count: number): { snapshot: CatalogueSnapshot; cases: SampleCase[] } {
  const requirements = allRequirements().map(
    ({ slug, untested, ...requirement }): SnapshotRequirement => ({
      ...requirement,
      id: slug,
      origin: [...requirement.origin],
      features: [...requirement.features],
      via: [...requirement.via],
      ...(untested === undefined ? {} : { untested: untestedText(untested) }),
    }),
  );
  const cases = sampleCases(requirements, count);
  const snapshot: CatalogueSnapshot = {
    schema: { major: 1, minor: 0 },
    hash: catalogueHash(),
    sources: [...allSources()],
    clauses: sampleClauses(),
    requirements,
    features: allFeatures().map(({ name, bit, device, kind, text }) => ({ name, bit, device, kind, text })),
    cases: cases.map(({ id, title, requirement }) => ({ id, title, proves: [requirement.id] })),
  };
  return { snapshot, cases };
}

const sampleClauses = (): NonNullable<CatalogueSnapshot['clauses']> =>
  Object.fromEntries(
    Object.entries(allClauses()).map(([clause, places]) => [
      clause,
      Object.fromEntries(Object.entries(places).map(([version, place]) => [version, [...place]])),
    ]),
  );

/** Writes a made-up run that is the same every time; nothing in it says anything about the programs it names. */
export function writeSampleRun(root: string, size: SampleSize): void {
  claimRunDirectory(root, (directory) => fillSampleRun(directory, size));
}

function fillSampleRun(directory: RunDirectory, size: SampleSize): void {
  const { snapshot, cases } = sampleSnapshot(size.cases);
  writeCatalogueSnapshot(directory.catalogue, snapshot);
  const targets = Array.from({ length: size.times ?? 1 }, (_, turn) =>
    sampleTargets.map((one) => (turn === 0 ? one : { ...one, target: `${one.target}-${turn + 1}` })),
  ).flat();
  const records = targets.flatMap(({ target }, index) =>
    cases.flatMap((definition, place) => sampleResults(target, definition, place + index * 7, size)),
  );
  const planned: PlannedResult[] = records.map(({ key, target, repetition }) => ({ key, target, repetition }));
  const { planHash } = writeRunPlan(directory.plan, planned);
  const writer = new RecordWriter(directory.results);
  const traces = new TraceWriter(directory.root);
  writer.append({
    event: 'run',
    schema: { ...recordSchemaVersion },
    runId: 'sample',
    suite: { name: 'vhost-conformance', version: '0.1.0' },
    catalogueHash: snapshot.hash,
    seed: 7,
    shard: { index: 1, of: 1 },
    planHash,
    planned: planned.length,
    startedAt: '2026-11-22T12:00:00.000Z',
    command: ['vhost-conformance', 'run', ...targets.map(({ target }) => target)],
  });
  for (const target of targets) writer.append(target);
  for (const record of records) {
    const { key, target, repetition, findings } = record;
    writer.append({ event: 'begin', key, target, repetition });
    const [finding] = findings;
    if (finding === undefined) {
      writer.append(record);
      continue;
    }
    if (target.startsWith('kernel-vhost-mdev')) {
      const { events, failing } = sampleMdevTrace();
      const trace = traces.write({ target, key, repetition, dropped: 0, events }, [failing]);
      writer.append({ ...record, trace, findings: findings.map((one) => ({ ...one, traceEvent: failing })) });
      continue;
    }
    const kind = finding.actual.includes(hostileText) ? 'hostile' : traceKind(finding.how);
    const { events, failing } = sampleTrace(kind, Math.round(record.durationMs) * 4);
    const trace = traces.write({ target, key, repetition, dropped: 0, events }, [failing]);
    writer.append({ ...record, trace, findings: findings.map((one) => ({ ...one, traceEvent: failing })) });
  }
  const counts: Record<string, number> = {};
  for (const { verdict } of records) counts[verdict] = (counts[verdict] ?? 0) + 1;
  writer.append({ event: 'end', reason: 'completed', counts, durationMs: 61_400 });
  writer.close();
}

function traceKind(how: FailureKind): 'wrong' | 'crash' | 'stalled' {
  return how === 'crash' ? 'crash' : how === 'stalled' || how === 'hang' ? 'stalled' : 'wrong';
}

function sampleResults(target: string, definition: SampleCase, place: number, size: SampleSize): CaseRecord[] {
  const variants: CaseRecord['variant'][] = place % 4 === 0 ? [{ queueSize: 16 }, { queueSize: 256 }] : [{}];
  return variants.map((variant) => {
    const { id, title, requirement } = definition;
    const key = caseKey(id, variant);
    const isElsewhere = target.startsWith('kernel-vhost-mdev') && requirement.via?.includes('vhost-mdev') !== true;
    const verdict = isElsewhere
      ? 'not-applicable'
      : target.startsWith('reference')
        ? 'pass'
        : sampleVerdict(place, size.failing);
    const why = isElsewhere ? 'is about transport vhost-user' : reasons[verdict];
    const outcome = { requirement: requirement.id, outcome: verdict, checks: isElsewhere ? 0 : 3 };
    return {
      event: 'case',
      key,
      target,
      repetition: 0,
      caseId: id,
      title,
      variant,
      verdict,
      outcomes: [
        {
          ...outcome,
          ...(why === undefined ? {} : { why }),
          ...(isElsewhere ? { elsewhere: 'transport' as const } : {}),
        },
      ],
      findings: verdict === 'fail' ? [sampleFinding(target, requirement, place, size.failing)] : [],
      durationMs: 1.5 + (place % 40),
      seed: 7,
      rerun: `npx vhost-conformance run ${target} --case '${key}' --seed 7`,
      ...(verdict === 'error' ? { error: `RangeError: ${hostileText}` } : {}),
      ...(place % 16 === 0 ? { points: { count: 64, failed: samplePoints(place) } } : {}),
    };
  });
}

const reasons: Partial<Record<Outcome, string>> = {
  'not-applicable': 'VIRTIO_F_RING_PACKED is not offered',
  inconclusive: 'the control took longer than a twentieth of the deadline',
  'not-run': 'three crashes with one signature before it',
};

function sampleVerdict(place: number, failing: number): Outcome {
  if (place % failing === 3 % failing) return 'fail';
  if (place % 29 === 5) return 'not-applicable';
  if (place % 61 === 11) return 'inconclusive';
  if (place % 71 === 13) return 'not-run';
  return place % 97 === 17 ? 'error' : 'pass';
}
