import { type FaultName, withFaults } from '../../reference-impl/faults/faults.ts';
import type { EventLog } from '../../reference-impl/observations/event-log.ts';
import {
  type ReferenceDevice,
  type ReferenceRules,
  referenceRules,
} from '../../reference-impl/vhost-user/reference-rules.ts';
import type { TargetFacts, WorkloadFacts } from '../port/target-facts.ts';
import { VhostUserPort } from '../vhost-user/vhost-user-port.ts';
import { InProcessCarrier } from './in-process-carrier.ts';
import { InProcessIut } from './in-process-iut.ts';

export interface OpenReferenceOptions {
  readonly device: ReferenceDevice;
  /** The rules of the reference unless given. */
  readonly rules?: ReferenceRules;
  /** Faults to put into them. */
  readonly faults?: readonly FaultName[];
  /** Request queues of block, pairs of queues of net; 2 unless given. */
  readonly queues?: number;
  readonly deadlineMs?: number;
  /** The log of another port, where a case has two. */
  readonly log?: EventLog;
}

const diskSectors = 2048;

const workloads: Readonly<Record<ReferenceDevice, WorkloadFacts>> = {
  block: { kind: 'block', queueIndex: 0, companions: [], sectors: diskSectors },
  net: { kind: 'net', queueIndex: 1, companions: [0], receiveIndex: 0, returns: 'same-port', reflects: 'unchanged' },
};

export const referenceQueues: Readonly<Record<ReferenceDevice, number>> = { block: 2, net: 2 };

/** What the suites may know of the reference, however it is reached. */
export const referenceFacts = (device: ReferenceDevice, name: string): Omit<TargetFacts, 'version' | 'binaryHash'> => ({
  name,
  transport: 'vhost-user',
  device,
  identity: `reference ${device} over vhost-user`,
  workload: workloads[device],
  capabilities: ['initial-base', 'restart', 'resources'],
  ownedBy: {},
  requiredFeatures: [],
  deadlineScale: 1,
});

/** The port to a reference of this very process. Nothing waits in vain there: what is not answered now never is. */
export function openReference(options: OpenReferenceOptions): VhostUserPort {
  const { device, faults = [], queues = referenceQueues[device], deadlineMs, log } = options;
  const rules = withFaults(options.rules ?? referenceRules, faults);
  const carrier = new InProcessCarrier({ device, rules, queues });
  const facts = { ...referenceFacts(device, `reference-${device}-in-process`), version: 'in process' };
  const iut = new InProcessIut(carrier, () => carrier.resourcesAtRest());
  return new VhostUserPort({
    facts,
    carrier,
    iut,
    recovery: ['reconnect', 'restart'],
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    ...(log === undefined ? {} : { log }),
  });
}
