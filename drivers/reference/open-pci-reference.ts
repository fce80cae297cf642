import { withPciFaults } from '../../reference-impl/faults/faults.ts';
import { type VirtioPciRules, virtioPciRules } from '../../reference-impl/virtio-pci/pci-rules.ts';
import { VfioPciDevice } from '../../reference-impl/virtio-pci/vfio-pci-device.ts';
import { VIRTIO_F_NOTIFICATION_DATA } from '../../reference-impl/virtqueue/feature-bits.ts';
import { workloadOfReference } from '../devices/device-types.ts';
import type { TargetFacts } from '../port/target-facts.ts';
import { InProcessVfio } from '../vfio/in-process-vfio.ts';
import { PciPort } from '../virtio-pci/pci-port.ts';
import { type DeviceFileReferenceOptions, faultsOfTransport, parentMaker } from './device-file-reference.ts';
import { InProcessIut } from './in-process-iut.ts';
import { pciNetPairs, referenceFacts } from './reference-facts.ts';

export interface OpenPciReferenceOptions extends DeviceFileReferenceOptions {
  /** The rules of the reference unless given. */
  readonly rules?: VirtioPciRules;
  /** VIRTIO_F_NOTIFICATION_DATA is offered. */
  readonly hasNotificationData?: boolean;
}

/** The port to a reference virtio function of this process. What is not answered now never is. */
export function openPciReference(options: OpenPciReferenceOptions): PciPort {
  // Other rules hold for those that do not offer it: one device stands for them.
  const { device, deadlineMs, log, hasNotificationData = device !== 'entropy' } = options;
  const queues = options.queues ?? (device === 'net' ? pciNetPairs : undefined);
  const rules = withPciFaults(options.rules ?? virtioPciRules, faultsOfTransport(options.faults));
  const makeParent = parentMaker(
    { hasControlQueue: true, ...options, ...(queues === undefined ? {} : { queues }) },
    () => stored,
  );
  const lacking = hasNotificationData ? 0n : VIRTIO_F_NOTIFICATION_DATA;
  const carrier = new InProcessVfio((edge) => new VfioPciDevice(makeParent(), edge, rules, lacking));
  const common = referenceFacts(device, `virtio-pci-${device}-in-process`);
  const facts: TargetFacts = {
    ...common,
    // A ring begins at its start.
    capabilities: [
      ...common.capabilities.filter((name) => name !== 'initial-base' && name !== 'packed-used-position'),
      'interrupt-pin',
      'vendor-data',
    ],
    transport: 'virtio-pci',
    ...(device === 'net' ? { workload: { ...workloadOfReference(device), pairs: queues ?? pciNetPairs } } : {}),
    requiredFeatures: ['VIRTIO_F_ACCESS_PLATFORM'],
    ringsStop: 'without-position',
    identity: `reference ${device} over virtio-pci`,
    ...options.facts,
    version: 'in process',
  };
  const port = new PciPort({
    facts,
    carrier,
    operator: { changeConfig: () => void carrier.guarded(() => carrier.device.changeConfig()) },
    iut: new InProcessIut(carrier, () => carrier.resources()),
    recovery: ['reconnect', 'restart'],
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    ...(log === undefined ? {} : { log }),
  });
  const stored = port.oracle.takeStores();
  return port;
}
