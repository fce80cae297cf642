import { withMdevFaults } from '../../reference-impl/faults/faults.ts';
import { type MdevMode, mdevRuleTables } from '../../reference-impl/vhost-mdev/mdev-rule-tables.ts';
import type { MdevRules } from '../../reference-impl/vhost-mdev/mdev-rules.ts';
import type { TargetFacts } from '../port/target-facts.ts';
import { mdevCapabilities } from '../target.ts';
import { inProcessMdev } from '../vfio/in-process-mdev.ts';
import { MdevPort } from '../vhost-mdev/mdev-port.ts';
import type { NotifyBy } from '../vhost-mdev/mdev-queue.ts';
import { type DeviceFileReferenceOptions, faultsOfTransport, parentMaker } from './device-file-reference.ts';
import { InProcessIut } from './in-process-iut.ts';
import { referenceFacts } from './reference-facts.ts';

export interface OpenMdevReferenceOptions extends DeviceFileReferenceOptions {
  readonly mode: MdevMode;
  /** The rules of the mode unless given. */
  readonly rules?: MdevRules;
  readonly notifyBy?: NotifyBy;
}

const layoutNames = { l1: 'L1', 'l2-strict': 'L2', 'l2-faithful': 'L2, as coded' } as const;

/** The port to a reference vhost-mdev of this process. What is not answered now never is. */
export function openMdevReference(options: OpenMdevReferenceOptions): MdevPort {
  const { device, mode, deadlineMs, log, notifyBy } = options;
  const rules = withMdevFaults(options.rules ?? mdevRuleTables[mode], faultsOfTransport(options.faults));
  const carrier = inProcessMdev(
    parentMaker(options, () => stored),
    rules,
  );
  const common = referenceFacts(device, `vhost-mdev-${mode}-${device}-in-process`);
  const facts: TargetFacts = {
    ...common,
    transport: 'vhost-mdev',
    capabilities: [...common.capabilities, ...mdevCapabilities[mode]],
    identity: `reference ${device} over vhost-mdev, layout ${layoutNames[mode]}`,
    ...options.facts,
    version: 'in process',
  };
  const port = new MdevPort({
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
