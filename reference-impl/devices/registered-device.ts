import type { ParentDriver } from './parent-driver.ts';
import type { TransportRules } from './queued-device.ts';

/** How a device of the reference is made. */
export interface DeviceMaking<Rules> {
  /** As the type counts them: request queues of block, pairs of queues of net. */
  readonly queues: number;
  /** Capacity of a block device; its usual one without. */
  readonly sectors?: number;
  /** A network device has a queue for commands. */
  readonly hasControlQueue?: boolean;
  readonly transport: TransportRules;
  readonly rules: Rules;
}

/** A device type that the reference has. */
export interface RegisteredDevice<Rules> {
  /** What a device of this type does by choice. */
  readonly rules: Rules;
  /** Queues unless told. */
  readonly queues: number;
  readonly make: (making: DeviceMaking<Rules>) => ParentDriver;
}
