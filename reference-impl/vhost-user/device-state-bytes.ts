import type { ParentDriver } from '../devices/parent-driver.ts';

/** "VCDS", then the device type and the size of its configuration, 4 bytes each, little-endian, and that configuration. */
const magic = 0x5344_4356;
const headerSize = 12;

/** What a device is besides its rings and its stored data: bytes of our own form, which the text leaves open. */
export function stateOf(device: ParentDriver): Uint8Array {
  const { deviceId, configSize } = device;
  const state = new Uint8Array(headerSize + configSize);
  const view = new DataView(state.buffer);
  view.setUint32(0, magic, true);
  view.setUint32(4, deviceId, true);
  view.setUint32(8, configSize, true);
  state.set(device.readConfig(0, configSize) ?? [], headerSize);
  return state;
}

/** Puts a device into a state. False, and nothing is changed, for what is no state of such a device. */
export function putInto(device: ParentDriver, state: Uint8Array): boolean {
  const { deviceId, configSize } = device;
  if (state.length !== headerSize + configSize) return false;
  const view = new DataView(state.buffer, state.byteOffset, state.byteLength);
  const isOfDevice =
    view.getUint32(0, true) === magic && view.getUint32(4, true) === deviceId && view.getUint32(8, true) === configSize;
  return isOfDevice && (configSize === 0 || device.restoreConfig(0, state.subarray(headerSize)));
}
