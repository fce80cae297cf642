import { deviceRules, makeDevice } from '../../reference-impl/devices/device-rules.ts';
import type { ReferenceDevice } from '../../reference-impl/devices/reference-devices.ts';
import { type FaultName, faults, withDeviceFaults } from '../../reference-impl/faults/faults.ts';
import type { EventLog } from '../../reference-impl/observations/event-log.ts';
import type { TargetFacts } from '../port/target-facts.ts';
import type { PortOracle } from '../session/oracle.ts';

/** What a reference behind a device file of this process is opened with, on each transport. */
export interface DeviceFileReferenceOptions {
  readonly device: ReferenceDevice;
  /** Faults to put into the rules of the transport and into those of the device. */
  readonly faults?: readonly FaultName[];
  /** Request queues of block, pairs of queues of net. */
  readonly queues?: number;
  readonly hasControlQueue?: boolean;
  readonly deadlineMs?: number;
  /** The log of another port, where a case has two. */
  readonly log?: EventLog;
  /** In place of our own. */
  readonly facts?: Omit<TargetFacts, 'version' | 'binaryHash'>;
}

type StoreListener = ReturnType<PortOracle['takeStores']>;

/** Those that the transport has; the device has the others. */
export const faultsOfTransport = (names: readonly FaultName[] = []): FaultName[] =>
  names.filter((name) => faults[name].layer === 'transport');

/** Makes the device, again at each restart. @param stored told of its stores; asked for when one is made. */
export function parentMaker(
  { device, queues, hasControlQueue = false, faults: names = [] }: DeviceFileReferenceOptions,
  stored: () => StoreListener,
): () => ReturnType<typeof makeDevice> {
  const ofDevice = names.filter((name) => faults[name].layer !== 'transport');
  const rules = withDeviceFaults(deviceRules, ofDevice);
  return () => {
    const made = makeDevice(device, rules, queues, { hasControlQueue });
    made.watchStores?.((...store) => stored()(...store));
    return made;
  };
}
