import type { Codec } from '../wire/compile-layout.ts';
import {
  decodeStructure,
  VFIO_REGION_SPAN,
  vfioDeviceInfo,
  vfioIrqInfo,
  vfioIrqSet,
  vfioRegionInfo,
  vfioRequests,
} from '../wire/vfio-structures.ts';
import { errno } from './error-numbers.ts';
import type { MdevDevice } from './mdev-device.ts';

export interface CallRules {
  /** Whether the size that a caller says its structure has is enough. */
  readonly acceptsArgsz: (argsz: number, needed: number) => boolean;
  readonly deviceFlags: (flags: number) => number;
  readonly regionCount: (count: number) => number;
  readonly interruptCount: (count: number) => number;
  readonly regionFlags: (index: number, flags: number) => number;
  readonly regionSize: (index: number, size: number) => number;
  readonly regionOffset: (index: number) => number;
  readonly interruptFlags: (flags: number) => number;
  /** Whether GET_IRQ_INFO knows an index although it has no vectors. */
  readonly knowsEmptyInterrupt: boolean;
}

export const callRules: CallRules = {
  acceptsArgsz: (argsz, needed) => argsz >= needed,
  deviceFlags: (flags) => flags,
  regionCount: (count) => count,
  interruptCount: (count) => count,
  regionFlags: (_, flags) => flags,
  regionSize: (_, size) => size,
  regionOffset: (index) => index * VFIO_REGION_SPAN,
  interruptFlags: (flags) => flags,
  knowsEmptyInterrupt: true,
};

/** As the second RFC was coded: without rings in use there is no interrupt to ask for. */
export const faithfulCallRules: CallRules = { ...callRules, knowsEmptyInterrupt: false };

type Value<C> = C extends Codec<infer V> ? V : never;

function store<V>(codec: Codec<V>, value: V, argument: Uint8Array): number {
  codec.encode(value, new DataView(argument.buffer, argument.byteOffset), 0);
  return 0;
}

/** Decodes an argument, checks its size and lets `act` answer. */
function withArgument<V extends { readonly argsz: number }>(
  device: MdevDevice,
  codec: Codec<V>,
  argument: Uint8Array,
  act: (value: V) => number,
): number {
  const value = decodeStructure(codec, argument);
  if (value === undefined) return -errno.EFAULT;
  return device.rules.calls.acceptsArgsz(value.argsz, codec.size) ? act(value) : -errno.EINVAL;
}

const deviceInfo = (device: MdevDevice, argument: Uint8Array): number =>
  withArgument(device, vfioDeviceInfo, argument, ({ argsz }) => {
    const { calls, layout } = device.rules;
    const value: Value<typeof vfioDeviceInfo> = {
      argsz,
      flags: calls.deviceFlags(layout.deviceFlags),
      numRegions: calls.regionCount(layout.regions.length),
      numIrqs: calls.interruptCount(layout.interrupts.length),
    };
    return store(vfioDeviceInfo, value, argument);
  });

const regionInfo = (device: MdevDevice, argument: Uint8Array): number =>
  withArgument(device, vfioRegionInfo, argument, ({ argsz, index }) => {
    const { calls, layout } = device.rules;
    const region = layout.regions[index];
    if (region === undefined) return -errno.EINVAL;
    const value = {
      argsz,
      flags: calls.regionFlags(index, region.flags),
      index,
      capOffset: 0,
      size: BigInt(calls.regionSize(index, device.regionSize(index))),
      offset: BigInt(calls.regionOffset(index)),
    };
    return store(vfioRegionInfo, value, argument);
  });

const interruptInfo = (device: MdevDevice, argument: Uint8Array): number =>
  withArgument(device, vfioIrqInfo, argument, ({ argsz, index }) => {
    const { calls, interrupt, layout } = device.rules;
    const shape = layout.interrupts[index];
    if (shape === undefined) return -errno.EINVAL;
    const count = shape.perRing ? interrupt.told(device.rings.inUse, device.rings.records.length) : 0;
    if (count === 0 && !calls.knowsEmptyInterrupt) return -errno.EINVAL;
    return store(vfioIrqInfo, { argsz, flags: calls.interruptFlags(shape.flags), index, count }, argument);
  });

const setInterrupts = (device: MdevDevice, argument: Uint8Array): number =>
  withArgument(device, vfioIrqSet, argument, (set) => {
    const { layout } = device.rules;
    const vectors = layout.interrupts[set.index]?.perRing === true ? device.rings.records.length : 0;
    const shape = { indices: layout.interrupts.length, vectors, isRunning: device.isRunning };
    return device.interrupts.set(set, shape, argument.subarray(vfioIrqSet.size));
  });

/** An ioctl on the device: 0, or an error negated. What it tells is written into the argument. */
export function deviceCall(device: MdevDevice, request: number, argument: Uint8Array): number {
  switch (request) {
    case vfioRequests.VFIO_DEVICE_GET_INFO:
      return deviceInfo(device, argument);
    case vfioRequests.VFIO_DEVICE_GET_REGION_INFO:
      return regionInfo(device, argument);
    case vfioRequests.VFIO_DEVICE_GET_IRQ_INFO:
      return interruptInfo(device, argument);
    case vfioRequests.VFIO_DEVICE_SET_IRQS:
      return setInterrupts(device, argument);
    case vfioRequests.VFIO_DEVICE_RESET:
      return device.resetCall();
  }
  return -errno.ENOTTY;
}
