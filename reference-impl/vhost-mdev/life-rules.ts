import { errno } from '../wire/errno.ts';
import type { MdevState } from './mdev-state.ts';

/** One thing that the end of a use changes in a device. */
export type DeviceChange = (device: MdevState) => void;

/** What opening, closing and resetting a device do. */
export interface LifeRules {
  /** The error number with which an open is refused, or 0. `opens` counts the files that are open already. */
  readonly openError: (opens: number, device: MdevState) => number;
  /** What is changed by an open, and by one that was refused. */
  readonly atOpen: readonly DeviceChange[];
  readonly atRefusedOpen: readonly DeviceChange[];
  /** What is changed by the last close, in this order. */
  readonly atClose: readonly DeviceChange[];
  /** The error number that VFIO_DEVICE_RESET answers, or 0. */
  readonly resetError: (device: MdevState) => number;
  /** What VFIO_DEVICE_RESET changes, in this order. Event descriptors stay in any case. */
  readonly atReset: readonly DeviceChange[];
}

export const stopDevice: DeviceChange = (device) => {
  device.setRunning(false);
};
export const forgetRings: DeviceChange = ({ rings }) => rings.forget();
export const forgetAnswer: DeviceChange = ({ channel }) => channel.clear();
export const forgetConfigSpace: DeviceChange = (device) => device.forgetConfigSpace();
export const forgetFeatures: DeviceChange = (device) => device.forgetFeatures();
export const dropEvents: DeviceChange = ({ interrupts }) => interrupts.dropAll();

/** As the device was made, but for what the container maps, event descriptors and stored data. */
export const wholeReset: readonly DeviceChange[] = [
  stopDevice,
  forgetRings,
  forgetAnswer,
  forgetConfigSpace,
  forgetFeatures,
];

/**
 * Of the text nothing is known but that the second RFC does nothing at open, close and reset; these are of the series
 * that followed it. What a stop does is up to the parent there; hardware that is stopped begins anew.
 */
export const lifeRules: LifeRules = {
  openError: (opens) => (opens > 0 ? errno.EBUSY : 0),
  atOpen: [],
  atRefusedOpen: [],
  atClose: [...wholeReset, dropEvents],
  resetError: () => 0,
  atReset: wholeReset,
};
