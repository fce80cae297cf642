import { deviceRules, makeDevice } from '../../reference-impl/devices/device-rules.ts';
import type { ReferenceDevice } from '../../reference-impl/devices/reference-devices.ts';
import { type FaultName, faults, withDeviceFaults, withVdpaFaults } from '../../reference-impl/faults/faults.ts';
import type { EventLog } from '../../reference-impl/observations/event-log.ts';
import { type VdpaRules, vdpaRules } from '../../reference-impl/vhost-vdpa/vdpa-rules.ts';
import { workloadOfReference } from '../devices/device-types.ts';
import type { IutResources } from '../port/port.ts';
import type { TargetFacts } from '../port/target-facts.ts';
import type { VdpaNotification } from '../reach.ts';
import { InProcessVdpa } from '../vhost-vdpa/in-process-vdpa.ts';
import { VdpaPort } from '../vhost-vdpa/vdpa-port.ts';
import { InProcessIut } from './in-process-iut.ts';
import { referenceFacts } from './open-reference.ts';

export interface OpenVdpaReferenceOptions {
  readonly device: ReferenceDevice;
  /** The rules of the reference unless given. */
  readonly rules?: VdpaRules;
  /** Faults to put into them and into those of the device. */
  readonly faults?: readonly FaultName[];
  /** Request queues of block, pairs of queues of net. */
  readonly queues?: number;
  readonly deadlineMs?: number;
  /** The log of another port, where a case has two. */
  readonly log?: EventLog;
  readonly notifyBy?: VdpaNotification;
  /** In place of our own. */
  readonly facts?: Omit<TargetFacts, 'version' | 'binaryHash'>;
}

/** It maps no files: it sees our memory where we have it. */
function heldBy({ heldEvents }: InProcessVdpa): IutResources {
  return { descriptors: heldEvents, byIdentity: { 'anon_inode:[eventfd]': heldEvents }, mappings: {} };
}

/** The port to a reference vhost-vdpa device of this process. What is not answered now never is. */
export function openVdpaReference(options: OpenVdpaReferenceOptions): VdpaPort {
  // One pair: more want VIRTIO_NET_F_MQ, which is not offered.
  const { device, queues = device === 'net' ? 1 : undefined, faults: names = [] } = options;
  const ofDevice = withDeviceFaults(
    deviceRules,
    names.filter((name) => faults[name].layer !== 'transport'),
  );
  const rules = withVdpaFaults(
    options.rules ?? vdpaRules,
    names.filter((name) => faults[name].layer === 'transport'),
  );
  const carrier = new InProcessVdpa(() => {
    const made = makeDevice(device, ofDevice, queues);
    made.watchStores?.((...store) => stored(...store));
    return made;
  }, rules);
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
  const { deadlineMs, log, notifyBy } = options;
  const port = new VdpaPort({
    facts,
    carrier,
    iut: new InProcessIut(carrier, () => heldBy(carrier)),
    recovery: ['reconnect', 'restart'],
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    ...(log === undefined ? {} : { log }),
    ...(notifyBy === undefined ? {} : { notifyBy }),
  });
  const stored = port.oracle.takeStores();
  return port;
}
