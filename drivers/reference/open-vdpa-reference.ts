import { withVdpaFaults } from '../../reference-impl/faults/faults.ts';
import { type VdpaRules, vdpaRules } from '../../reference-impl/vhost-vdpa/vdpa-rules.ts';
import { workloadOfReference } from '../devices/device-types.ts';
import type { TargetFacts } from '../port/target-facts.ts';
import type { VdpaNotification } from '../reach.ts';
import { InProcessVdpa } from '../vhost-vdpa/in-process-vdpa.ts';
import { VdpaPort } from '../vhost-vdpa/vdpa-port.ts';
import { type DeviceFileReferenceOptions, faultsOfTransport, parentMaker } from './device-file-reference.ts';
import { InProcessIut } from './in-process-iut.ts';
import { referenceFacts } from './open-reference.ts';

export interface OpenVdpaReferenceOptions extends DeviceFileReferenceOptions {
  /** The rules of the reference unless given. */
  readonly rules?: VdpaRules;
  readonly notifyBy?: VdpaNotification;
}

/** The port to a reference vhost-vdpa device of this process. What is not answered now never is. */
export function openVdpaReference(options: OpenVdpaReferenceOptions): VdpaPort {
  const { device, deadlineMs, log, notifyBy } = options;
  // One pair: more want VIRTIO_NET_F_MQ, which is not offered.
  const queues = options.queues ?? (device === 'net' ? 1 : undefined);
  const rules = withVdpaFaults(options.rules ?? vdpaRules, faultsOfTransport(options.faults));
  const carrier = new InProcessVdpa(
    parentMaker({ hasControlQueue: true, ...options, ...(queues === undefined ? {} : { queues }) }, () => stored),
    rules,
  );
  const common = referenceFacts(device, `vhost-vdpa-${device}-in-process`);
  const facts: TargetFacts = {
    ...common,
    capabilities: [...common.capabilities, 'address-spaces', 'doorbells'],
    transport: 'vhost-vdpa',
    ...(device === 'net' ? { workload: { ...workloadOfReference(device), pairs: 1 } } : {}),
    requiredFeatures: ['VIRTIO_F_ACCESS_PLATFORM'],
    ringSizes: 'powers-of-two',
    identity: `reference ${device} over vhost-vdpa`,
    ...options.facts,
    version: 'in process',
  };
  const port = new VdpaPort({
    facts,
    carrier,
    iut: new InProcessIut(carrier, () => carrier.resources()),
    recovery: ['reconnect', 'restart'],
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    ...(log === undefined ? {} : { log }),
    ...(notifyBy === undefined ? {} : { notifyBy }),
  });
  const stored = port.oracle.takeStores();
  return port;
}
