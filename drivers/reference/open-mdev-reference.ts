import { deviceRules, makeDevice } from '../../reference-impl/devices/device-rules.ts';
import type { ReferenceDevice } from '../../reference-impl/devices/reference-devices.ts';
import { type FaultName, faults, withDeviceFaults, withMdevFaults } from '../../reference-impl/faults/faults.ts';
import type { EventLog } from '../../reference-impl/observations/event-log.ts';
import { type MdevMode, mdevRuleTables } from '../../reference-impl/vhost-mdev/mdev-rule-tables.ts';
import type { MdevRules } from '../../reference-impl/vhost-mdev/mdev-rules.ts';
import type { IutResources } from '../port/port.ts';
import type { TargetFacts } from '../port/target-facts.ts';
import { mdevCapabilities } from '../target.ts';
import { InProcessVfio } from '../vfio/in-process-vfio.ts';
import { MdevPort } from '../vhost-mdev/mdev-port.ts';
import type { NotifyBy } from '../vhost-mdev/mdev-queue.ts';
import { InProcessIut } from './in-process-iut.ts';
import { referenceFacts } from './open-reference.ts';

export interface OpenMdevReferenceOptions {
  readonly device: ReferenceDevice;
  readonly mode: MdevMode;
  /** The rules of the mode unless given. */
  readonly rules?: MdevRules;
  /** Faults to put into them and into those of the device. */
  readonly faults?: readonly FaultName[];
  /** Request queues of block, pairs of queues of net. */
  readonly queues?: number;
  readonly deadlineMs?: number;
  /** The log of another port, where a case has two. */
  readonly log?: EventLog;
  readonly notifyBy?: NotifyBy;
  /** In place of our own. */
  readonly facts?: Omit<TargetFacts, 'version' | 'binaryHash'>;
}

const layoutNames = { l1: 'L1', 'l2-strict': 'L2', 'l2-faithful': 'L2, as coded' } as const;

/** It maps no files: it sees our memory where we have it. */
function heldBy({ heldEvents }: InProcessVfio): IutResources {
  return { descriptors: heldEvents, byIdentity: { 'anon_inode:[eventfd]': heldEvents }, mappings: {} };
}

/** The port to a reference vhost-mdev of this process. What is not answered now never is. */
export function openMdevReference(options: OpenMdevReferenceOptions): MdevPort {
  const { device, mode, queues, faults: names = [] } = options;
  const ofDevice = withDeviceFaults(
    deviceRules,
    names.filter((name) => faults[name].layer !== 'transport'),
  );
  const rules = withMdevFaults(
    options.rules ?? mdevRuleTables[mode],
    names.filter((name) => faults[name].layer === 'transport'),
  );
  const carrier = new InProcessVfio(() => {
    const made = makeDevice(device, ofDevice, queues);
    made.watchStores?.((...store) => stored(...store));
    return made;
  }, rules);
  const common = referenceFacts(device, `vhost-mdev-${mode}-${device}-in-process`);
  const facts: TargetFacts = {
    ...common,
    transport: 'vhost-mdev',
    capabilities: [...common.capabilities, ...mdevCapabilities[mode]],
    identity: `reference ${device} over vhost-mdev, layout ${layoutNames[mode]}`,
    ...options.facts,
    version: 'in process',
  };
  const { deadlineMs, log, notifyBy } = options;
  const port = new MdevPort({
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
