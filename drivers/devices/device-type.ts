import type { z } from 'zod';
import type { FeatureName } from '../../reference-impl/catalogue/catalogue.ts';
import { inWords, issueWords } from '../../reference-impl/schema-words.ts';
import { DriverUsageError, type WorkloadFacts } from '../port/port.ts';
import type { Binding } from './bound-driver.ts';
import type { DeviceDriver } from './device-driver.ts';
import type { DeviceName } from './device-names.ts';

/** The driver's side of a device type. */
export interface DeviceType {
  readonly name: DeviceName;
  /** Virtio device id; undefined for a driver of any device. */
  readonly deviceId: number | undefined;
  /** No device of this type has a second ring. */
  readonly hasOneRing?: true;
  /** The facts as a target file writes them. */
  readonly workload: z.ZodType<WorkloadFacts>;
  /** Facts that may be told behind the name of a target: `?sectors=8`. */
  readonly answers: Readonly<Record<string, z.ZodType>>;
  /** The facts of a target of which nothing is known but its type. */
  readonly external: WorkloadFacts;
  /** Those of our own reference; absent where it has no such device. */
  readonly ofReference?: WorkloadFacts;
  /**
   * Features that the driver may negotiate without being told: it keeps to what they ask of a driver in every request
   * that it makes. What needs a queue or a header of its own is not among them.
   */
  readonly implemented: readonly FeatureName[];
  /** @throws DriverUsageError for facts that are not of this type. */
  open(binding: Binding): DeviceDriver;
}

/** Features that every driver implements. */
export const implementedByAll: readonly FeatureName[] = [
  'VIRTIO_F_VERSION_1',
  'VIRTIO_F_INDIRECT_DESC',
  'VIRTIO_F_EVENT_IDX',
  'VIRTIO_F_IN_ORDER',
  'VHOST_USER_F_PROTOCOL_FEATURES',
  'VHOST_USER_PROTOCOL_F_MQ',
  'VHOST_USER_PROTOCOL_F_REPLY_ACK',
];

/** Declares a type whose driver reads facts of its own. */
export function deviceType<F extends WorkloadFacts>(
  type: Omit<DeviceType, 'workload' | 'external' | 'ofReference' | 'open'> & {
    readonly workload: z.ZodType<F>;
    readonly external: NoInfer<F>;
    readonly ofReference?: NoInfer<F>;
    readonly open: (binding: Binding<F>) => DeviceDriver;
  },
): DeviceType {
  const { workload, open } = type;
  return {
    ...type,
    open: ({ facts, ...rest }) => {
      const read = workload.safeParse(facts, inWords);
      if (!read.success) throw new DriverUsageError(`facts of a ${type.name} device: ${issueWords(read.error.issues)}`);
      return open({ ...rest, facts: read.data });
    },
  };
}
