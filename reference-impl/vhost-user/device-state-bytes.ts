import type { ParentDriver } from '../devices/parent-driver.ts';

/** Zeros ahead of the configuration: a device without one has a state, too. */
const headerSize = 4;

/** What a device is besides its rings and its stored data: bytes of our own form, which the text leaves open. */
export function stateOf(device: ParentDriver): Uint8Array {
  const { configSize } = device;
  return Uint8Array.of(...new Uint8Array(headerSize), ...(device.readConfig(0, configSize) ?? []));
}

/** Puts a device into a state. False, and nothing is changed, for what has not the size of one. */
export function putInto(device: ParentDriver, state: Uint8Array): boolean {
  const { configSize } = device;
  if (state.length !== headerSize + configSize) return false;
  return device.restoreConfig(0, state.subarray(headerSize));
}
