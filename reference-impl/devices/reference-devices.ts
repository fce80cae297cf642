import { blockReference } from './block-device.ts';
import { cryptoReference } from './crypto-device.ts';
import { entropyReference } from './entropy-reference.ts';
import { netReference } from './net-device.ts';

/** The device types of the reference: a new one is a line here. */
export const referenceDevices = {
  block: blockReference,
  net: netReference,
  entropy: entropyReference,
  crypto: cryptoReference,
} as const;

export type ReferenceDevice = keyof typeof referenceDevices;

export const referenceDeviceNames = Object.keys(referenceDevices) as readonly ReferenceDevice[];

export const isReferenceDevice = (name: string): name is ReferenceDevice => Object.hasOwn(referenceDevices, name);

/** Devices that it shows over every transport, and whose drivers it judges. Sessions of crypto are messages of vhost-user. */
export type SharedDevice = Exclude<ReferenceDevice, 'crypto'>;

export const sharedDeviceNames = referenceDeviceNames.filter((name) => name !== 'crypto');
