import { withVhostNetFaults } from '../../reference-impl/faults/faults.ts';
import { vhostNetRules } from '../../reference-impl/vhost-net/vhost-net-rules.ts';
import { workloadOfReference } from '../devices/device-types.ts';
import type { TargetFacts } from '../port/target-facts.ts';
import { InProcessNetwork, InProcessVhostNet } from '../vhost-net/in-process-vhost-net.ts';
import { VhostNetPort } from '../vhost-net/vhost-net-port.ts';
import { type DeviceFileReferenceOptions, faultsOfTransport, parentMaker } from './device-file-reference.ts';
import { InProcessIut } from './in-process-iut.ts';
import { referenceFacts } from './reference-facts.ts';

/** The port to the reference vhost-net of this process, one pair of queues. What is not answered now never is. */
export function openVhostNetReference(options: DeviceFileReferenceOptions): VhostNetPort {
  const { device, deadlineMs, log } = options;
  const network = new InProcessNetwork();
  const carrier = new InProcessVhostNet({
    makeParent: parentMaker({ ...options, queues: 1 }, () => stored),
    rules: withVhostNetFaults(vhostNetRules, faultsOfTransport(options.faults)),
    network,
  });
  const facts: TargetFacts = {
    ...referenceFacts(device, `vhost-net-${device}-in-process`),
    transport: 'vhost-kernel',
    workload: { ...workloadOfReference(device), pairs: 1 },
    ringSizes: 'powers-of-two',
    identity: `reference ${device} over vhost-net`,
    ...options.facts,
    version: 'in process',
  };
  const port = new VhostNetPort({
    facts,
    carrier,
    network,
    iut: new InProcessIut(carrier, () => carrier.resources()),
    recovery: ['reconnect', 'restart'],
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    ...(log === undefined ? {} : { log }),
  });
  const stored = port.oracle.takeStores();
  return port;
}
