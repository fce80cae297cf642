import { featuresAtBit, type RequirementSlug, requirementOf } from '../../reference-impl/catalogue/catalogue.ts';
import type { SharedDevice } from '../../reference-impl/devices/reference-devices.ts';
import { observedRequirements } from '../../reference-impl/oracle/observed/observed-requirements.ts';
import type { CaseRecord, Finding, TargetRecord } from '../../reports/record/record.ts';
import type { PlannedResult } from '../../reports/record/run-plan.ts';
import type { TraceWriter } from '../../reports/trace/trace-file.ts';
import { findingAuthority } from '../../suites/runner/finding-authority.ts';
import { observedCaseId } from '../catalogue-facts.ts';
import { counted } from '../counted.ts';
import type { ObservedSocket } from './observed-socket.ts';

/** The case that says whether the reference served all that no requirement forbids. */
export const servedCaseId = 'observe/reference-serves-what-is-lawful';

/** What each socket gets: the same results, seen or not. */
export const plannedOf = (target: string, device: SharedDevice): PlannedResult[] =>
  [...observedRequirements(device).map(observedCaseId), servedCaseId].map((key) => ({ target, key, repetition: 0 }));

function namesIn(word: bigint, device: SharedDevice, kind: 'device' | 'protocol'): string[] {
  const names: string[] = [];
  for (let bit = 0; bit < 64; bit++) {
    if (((word >> BigInt(bit)) & 1n) === 0n) continue;
    const [feature] = featuresAtBit(bit, { transport: 'vhost-user', device }, kind);
    names.push(feature?.name ?? `bit ${bit}`);
  }
  return names;
}

export function acceptedNames(socket: ObservedSocket, device: SharedDevice): string[] {
  const { features, protocolFeatures } = socket.accepted;
  return [...namesIn(features, device, 'device'), ...namesIn(protocolFeatures, device, 'protocol')];
}

export const targetRecordOf = (socket: ObservedSocket, device: SharedDevice): TargetRecord => ({
  event: 'target',
  target: socket.name,
  transport: 'vhost-user',
  device,
  role: 'front-end',
  identity: socket.program ?? `who connected to ${socket.path}`,
  version: 'unknown',
  offered: acceptedNames(socket, device),
  capabilities: [],
  ownedBy: {},
});

export interface CaseContext {
  readonly device: SharedDevice;
  readonly texts: readonly string[];
  readonly rerun: string;
  readonly traces: TraceWriter;
}

/** One record for each requirement. What was not seen is not applicable, and says so. */
export function caseRecordsOf(socket: ObservedSocket, context: CaseContext): CaseRecord[] {
  const accepted = acceptedNames(socket, context.device);
  const records = observedRequirements(context.device).map((slug) => caseRecordOf(socket, slug, accepted, context));
  return [...records, servedRecordOf(socket, context)];
}

const common = (socket: ObservedSocket, caseId: string, title: string, rerun: string) => ({
  event: 'case' as const,
  key: caseId,
  target: socket.name,
  repetition: 0,
  caseId,
  title,
  variant: {},
  durationMs: 0,
  seed: 0,
  rerun,
});

function caseRecordOf(
  socket: ObservedSocket,
  slug: RequirementSlug,
  accepted: string[],
  { texts, rerun, traces }: CaseContext,
): CaseRecord {
  const requirement = requirementOf(slug);
  const shared = common(socket, observedCaseId(slug), requirement.text, rerun);
  const sightings = socket.observations.of(slug);
  if (sightings === undefined) {
    const why = `not seen in ${counted(socket.connectionsBegun, 'connection')}`;
    const outcomes = [{ requirement: slug, outcome: 'not-applicable' as const, checks: 0, why }];
    return { ...shared, verdict: 'not-applicable', outcomes, findings: [] };
  }
  const { kept, broken, breaches } = sightings;
  const verdict = broken > 0 ? 'fail' : 'pass';
  const trace = socket.traces.get(slug);
  const findings = breaches.map((breach, place): Finding => {
    const authority = findingAuthority(requirement, { how: 'wrong', isBesideText: false }, texts);
    const event = place === 0 && trace !== undefined ? { traceEvent: trace.seq } : {};
    return { requirement: slug, ...authority, how: 'wrong', ...breach, ...event };
  });
  const { key, target, repetition } = shared;
  return {
    ...shared,
    verdict,
    accepted,
    outcomes: [{ requirement: slug, outcome: verdict, checks: kept + broken }],
    findings,
    ...(trace === undefined
      ? {}
      : {
          trace: traces.write({ target, key, repetition, dropped: trace.dropped, events: trace.events }, [trace.seq]),
        }),
  };
}

function servedRecordOf(socket: ObservedSocket, { rerun }: CaseContext): CaseRecord {
  const shared = common(socket, servedCaseId, 'The reference serves what no requirement forbids', rerun);
  const left = [...socket.unexplained];
  if (left.length === 0) return { ...shared, verdict: 'pass', outcomes: [], findings: [] };
  const error = `the reference did not serve this, and no requirement forbids it: ${left.join('; ')}`;
  return { ...shared, verdict: 'error', outcomes: [], findings: [], error };
}
