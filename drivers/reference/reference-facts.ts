import type { ReferenceDevice } from '../../reference-impl/devices/reference-devices.ts';
import { referenceEchoPort } from '../../reference-impl/devices/vsock-host.ts';
import { sharedObjectUuid } from '../../reference-impl/vhost-user/shared-objects.ts';
import type { TargetFacts } from '../port/target-facts.ts';
import { workloadOfDevice } from './workload-of-device.ts';

/** Pairs of queues over virtio-pci, unless told: a command says how many a driver uses. */
export const pciNetPairs = 4;

/** What the suites may know of the reference on vhost-user as any device. */
export const vhostUserReferenceFacts = {
  transport: 'vhost-user',
  capabilities: [
    'initial-base',
    'packed-used-position',
    'restart',
    'resources',
    'breaks-rings',
    'refuses-flaws',
    'host-notifiers',
    'shared-mappings',
    'program-conventions',
    'changes-config',
  ],
  ownedBy: {},
  requiredFeatures: [],
  sharedObjects: [sharedObjectUuid],
  deadlineScale: 1,
} satisfies Partial<TargetFacts>;

/** What is to be known of one device more. */
export const factsOfDevice = (device: ReferenceDevice): Pick<TargetFacts, 'echoPort'> =>
  device === 'vsock' ? { echoPort: referenceEchoPort } : {};

/** The same of a device, however it is reached. */
export const referenceFacts = (device: ReferenceDevice, name: string): Omit<TargetFacts, 'version' | 'binaryHash'> => ({
  ...vhostUserReferenceFacts,
  ...factsOfDevice(device),
  name,
  device,
  identity: `reference ${device} over vhost-user`,
  workload: workloadOfDevice(device),
});
