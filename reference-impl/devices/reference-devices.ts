import { blockReference } from './block-device.ts';
import { cryptoReference } from './crypto-device.ts';
import { entropyReference } from './entropy-reference.ts';
import { fsReference } from './fs-device.ts';
import { netReference } from './net-device.ts';
import { vsockReference } from './vsock-device.ts';

/** The device types of the reference: a new one is a line here. */
export const referenceDevices = {
  block: blockReference,
  net: netReference,
  entropy: entropyReference,
  crypto: cryptoReference,
  fs: fsReference,
  vsock: vsockReference,
} as const;

export type ReferenceDevice = keyof typeof referenceDevices;

export const referenceDeviceNames = Object.keys(referenceDevices) as readonly ReferenceDevice[];

export const isReferenceDevice = (name: string): name is ReferenceDevice => Object.hasOwn(referenceDevices, name);

/**
 * Devices that it shows over vhost-user alone, and whose drivers it does not judge: sessions of crypto are messages there,
 * back-ends of file systems speak nothing else, and Linux has calls of its own for sockets.
 */
const vhostUserAlone = ['crypto', 'fs', 'vsock'] as const satisfies readonly ReferenceDevice[];

/** Devices that it shows over every transport, and whose drivers it judges. */
export type SharedDevice = Exclude<ReferenceDevice, (typeof vhostUserAlone)[number]>;

const isShared = (name: ReferenceDevice): name is SharedDevice => !vhostUserAlone.some((alone) => alone === name);

export const sharedDeviceNames = referenceDeviceNames.filter(isShared);
