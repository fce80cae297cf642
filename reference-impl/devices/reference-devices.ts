import { blockReference } from './block-device.ts';
import { entropyReference } from './entropy-reference.ts';
import { netReference } from './net-device.ts';

/** The device types of the reference: a new one is a line here. */
export const referenceDevices = {
  block: blockReference,
  net: netReference,
  entropy: entropyReference,
} as const;

export type ReferenceDevice = keyof typeof referenceDevices;

export const referenceDeviceNames = Object.keys(referenceDevices) as readonly ReferenceDevice[];

export const isReferenceDevice = (name: string): name is ReferenceDevice => Object.hasOwn(referenceDevices, name);
