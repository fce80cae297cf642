import { type CommonConfigField, commonConfig } from '../../../wire/virtio-pci.ts';

/** What one field of a queue reads as; undefined where that is not known. */
export type QueueFields = Partial<Record<QueueField, number | undefined>>;

export const queueFields = [
  'queueSize',
  'queueMsixVector',
  'queueEnable',
  'queueNotifyOff',
  'queueDescLow',
  'queueDescHigh',
  'queueDriverLow',
  'queueDriverHigh',
  'queueDeviceLow',
  'queueDeviceHigh',
  'queueNotifConfigData',
  'queueReset',
] as const satisfies readonly CommonConfigField[];
export type QueueField = (typeof queueFields)[number];

export const isQueueField = (field: CommonConfigField): field is QueueField =>
  queueFields.some((name) => name === field);

/** What the driver knows of one queue. */
export interface KnownPciQueue {
  fields: QueueFields;
  /** `queue_size` behind a reset, once it was read there. */
  largest: number | undefined;
  /** The driver wrote `queue_size` since the last reset. */
  isSized: boolean;
  /** What its fields show is due to a reset of the queue alone. */
  isResetAlone: boolean;
}

const places = Object.entries(commonConfig) as [CommonConfigField, (typeof commonConfig)[CommonConfigField]][];

/** The field that an access reaches as a whole; undefined for any other access. */
export const fieldOf = (offset: number, length: number): CommonConfigField | undefined =>
  places.find(([, { at, bytes }]) => at === offset && bytes === length)?.[0];

export function numberOf(bytes: Uint8Array): number {
  return bytes.reduceRight((value, byte) => value * 256 + byte, 0);
}
