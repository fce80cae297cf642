import type { ReferenceDevice } from '../../reference-impl/devices/reference-devices.ts';
import { workloadOfReference } from '../devices/device-types.ts';
import type { WorkloadFacts } from '../port/target-facts.ts';
import { cryptoWorkload } from './crypto-workload.ts';
import { fsWorkload } from './fs-workload.ts';
import { vsockWorkload } from './vsock-workload.ts';

/** Of devices that we have no driver of. */
const ofNoDriver: Readonly<Partial<Record<ReferenceDevice, WorkloadFacts>>> = {
  crypto: cryptoWorkload,
  fs: fsWorkload,
  vsock: vsockWorkload,
};

/** What a device of the reference does with a buffer. */
export const workloadOfDevice = (device: ReferenceDevice): WorkloadFacts =>
  ofNoDriver[device] ?? workloadOfReference(device);
