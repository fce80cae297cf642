import { deviceRules, makeDevice } from '../../reference-impl/devices/device-rules.ts';
import { referenceMac, referenceMtu } from '../../reference-impl/devices/net-device.ts';
import { withVdpaFaults } from '../../reference-impl/faults/faults.ts';
import { type VdpaRules, vdpaRules } from '../../reference-impl/vhost-vdpa/vdpa-rules.ts';
import { workloadOfReference } from '../devices/device-types.ts';
import type { TargetFacts } from '../port/target-facts.ts';
import type { VdpaNotification } from '../reach.ts';
import { InProcessVdpa } from '../vhost-vdpa/in-process-vdpa.ts';
import { VdpaPort } from '../vhost-vdpa/vdpa-port.ts';
import { type DeviceFileReferenceOptions, faultsOfTransport, parentMaker } from './device-file-reference.ts';
import { InProcessIut } from './in-process-iut.ts';
import { referenceFacts } from './reference-facts.ts';

export interface OpenVdpaReferenceOptions extends DeviceFileReferenceOptions {
  /** The rules of the reference unless given. */
  readonly rules?: VdpaRules;
  readonly notifyBy?: VdpaNotification;
}

/** The port to a reference vhost-vdpa device of this process. What is not answered now never is. */
export function openVdpaReference(options: OpenVdpaReferenceOptions): VdpaPort {
  const { device, deadlineMs, log, notifyBy } = options;
  // Doorbells are for those whose driver uses them, and to be looked at on two of three where none was chosen.
  const hasDoorbells = notifyBy === undefined ? device !== 'entropy' : notifyBy === 'doorbell';
  // One pair: more want VIRTIO_NET_F_MQ, which is not offered.
  const queues = options.queues ?? (device === 'net' ? 1 : undefined);
  const rules = withVdpaFaults(options.rules ?? vdpaRules, faultsOfTransport(options.faults));
  const carrier = new InProcessVdpa(
    parentMaker(
      { hasControlQueue: queues === 1, ...options, ...(queues === undefined ? {} : { queues }) },
      () => stored,
    ),
    rules,
    hasDoorbells,
  );
  const common = referenceFacts(device, `vhost-vdpa-${device}-in-process`);
  const facts: TargetFacts = {
    ...common,
    capabilities: [...common.capabilities, 'address-spaces', hasDoorbells ? 'doorbells' : 'no-doorbell-pages'],
    transport: 'vhost-vdpa',
    ...(device === 'net' ? { workload: { ...workloadOfReference(device), pairs: 1 } } : {}),
    requiredFeatures: ['VIRTIO_F_ACCESS_PLATFORM'],
    ringSizes: 'powers-of-two',
    identity: `reference ${device} over vhost-vdpa`,
    ...options.facts,
    provisioned: provisionedOf(device, queues),
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

/** With what the reference is made, in words of the kernel's tool. */
function provisionedOf(device: OpenVdpaReferenceOptions['device'], queues?: number): Readonly<Record<string, string>> {
  const { supportedFeatures } = makeDevice(device, deviceRules, queues, { hasControlQueue: queues === 1 });
  const features = { device_features: `0x${vdpaRules.features.offered(supportedFeatures).toString(16)}` };
  if (device !== 'net') return features;
  const mac = [...referenceMac].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
  return { mac, mtu: String(referenceMtu), max_vqp: '1', ...features };
}
