import type { FeatureName } from '../../reference-impl/catalogue/features.ts';
import type { Transport } from '../../reference-impl/catalogue/transport.ts';
import type { ControlOutcome, NoAnswer } from './outcome.ts';

/** The IUT answered a question with an error, or with something that is no answer to it; `why` says which. */
export interface Unreadable {
  readonly kind: 'unreadable';
  readonly why: string;
}

/** Bytes of configuration: as many as came, which the reader compares with what it asked for. */
export type ConfigRead = { readonly kind: 'bytes'; readonly bytes: Uint8Array } | Unreadable | NoAnswer;

/** A number that the IUT told. */
export type NumberRead = { readonly kind: 'number'; readonly value: number } | Unreadable | NoAnswer;

/** The configuration structure of the device type (virtio 2.5). */
export interface DeviceConfig {
  read(offset: number, length: number): ConfigRead;
  write(offset: number, bytes: Uint8Array): ControlOutcome;
}

/** The device status field (virtio 2.1). */
export interface DeviceStatus {
  get(): NumberRead;
  /** Writes the field. 0 resets the device (virtio 2.4). */
  set(status: number): ControlOutcome;
}

export interface DeviceQueues {
  /** How many queues the device has. */
  count(): NumberRead;
}

/** What a driver can ask and tell the device itself. What the transport lacks, or did not negotiate, is undefined. */
export interface SessionDevice {
  readonly config: DeviceConfig | undefined;
  readonly status: DeviceStatus | undefined;
  readonly queues: DeviceQueues | undefined;
  /** Resets the device by a request of its own, and not by its status. */
  readonly reset: (() => ControlOutcome) | undefined;
}

export type DevicePart = `device.${keyof SessionDevice}`;

/**
 * For each part the transports that have it, with the features without which a session lacks it. A transport that is not
 * there has no such part.
 */
export const featuresOfPart: Readonly<
  Record<DevicePart, Readonly<Partial<Record<Transport, readonly FeatureName[]>>>>
> = {
  'device.config': { 'vhost-user': ['VHOST_USER_PROTOCOL_F_CONFIG'], 'vhost-vdpa': [], 'virtio-pci': [] },
  'device.status': { 'vhost-user': ['VHOST_USER_PROTOCOL_F_STATUS'], 'vhost-vdpa': [], 'virtio-pci': [] },
  'device.queues': { 'vhost-user': ['VHOST_USER_PROTOCOL_F_MQ'], 'vhost-mdev': [], 'vhost-vdpa': [], 'virtio-pci': [] },
  'device.reset': { 'vhost-user': ['VHOST_USER_PROTOCOL_F_RESET_DEVICE'], 'vhost-mdev': [] },
};

export const isDevicePart = (need: string): need is DevicePart => Object.hasOwn(featuresOfPart, need);
