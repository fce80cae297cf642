import type { Codec } from '../wire/compile-layout.ts';
import { errno } from '../wire/errno.ts';
import { decodeStructure } from '../wire/structure.ts';
import {
  VFIO_REGION_SPAN,
  vfioDeviceInfo,
  vfioIrqInfo,
  vfioIrqSet,
  vfioRegionInfo,
  vfioRequests,
} from '../wire/vfio-structures.ts';
import type { MdevState } from './mdev-state.ts';
import { ringsInUse } from './ring-set.ts';

export interface CallRules {
  /** Whether the size that a caller says its structure has is enough for the call. */
  readonly acceptsArgsz: (argsz: number, needed: number, request: number) => boolean;
  /** What a call that there is not answers. */
  readonly unknownCall: number;
  /** The same of a call whose argument lies in memory that is not there. */
  readonly badPointer: number;
  /** What a read or write of a region answers whose buffer ends in memory that is not there. */
  readonly badBuffer: number;
  readonly deviceFlags: (flags: number, argsz: number) => number;
  readonly regionCount: (count: number) => number;
  readonly interruptCount: (count: number) => number;
  /** The region whose information is given for an index. */
  readonly regionAskedFor: (index: number, count: number) => number;
  readonly toldIndex: (index: number) => number;
  readonly regionFlags: (index: number, flags: number) => number;
  readonly regionSize: (index: number, size: number) => number;
  readonly regionOffset: (index: number, argsz: number) => number;
  /** The interrupt index whose information is given for an index. */
  readonly interruptAskedFor: (index: number, count: number) => number;
  /** Vectors told of an index that has `count`. */
  readonly vectorsOf: (index: number, count: number) => number;
  readonly interruptFlags: (flags: number) => number;
  /** What an access to an index without a region returns. */
  readonly absentAccess: number;
  /** Mapping what are no doorbells: bytes, or an error negated. */
  readonly mapElsewhere: (length: number) => Uint8Array | number;
}

export const callRules: CallRules = {
  acceptsArgsz: (argsz, needed) => argsz >= needed,
  unknownCall: -errno.ENOTTY,
  badPointer: -errno.EFAULT,
  badBuffer: -errno.EFAULT,
  deviceFlags: (flags) => flags,
  regionCount: (count) => count,
  interruptCount: (count) => count,
  regionAskedFor: (index) => index,
  toldIndex: (index) => index,
  regionFlags: (_, flags) => flags,
  regionSize: (_, size) => size,
  regionOffset: (index) => index * VFIO_REGION_SPAN,
  interruptAskedFor: (index) => index,
  vectorsOf: (_, count) => count,
  interruptFlags: (flags) => flags,
  absentAccess: 0,
  mapElsewhere: () => -errno.EINVAL,
};

/** What calls need of a device beside its state. */
export interface CalledDevice extends MdevState {
  readonly rules: MdevState['rules'] & { readonly calls: CallRules };
  /** Bytes of a region; 0 for an index without one. */
  regionSize(index: number): number;
  /** VFIO_DEVICE_RESET: 0, or an error number negated. */
  resetCall(): number;
}

type Value<C> = C extends Codec<infer V> ? V : never;

function store<V>(codec: Codec<V>, value: V, argument: Uint8Array): number {
  codec.encode(value, new DataView(argument.buffer, argument.byteOffset), 0);
  return 0;
}

/** Decodes an argument, checks its size and lets `act` answer. */
function withArgument<V extends { readonly argsz: number }>(
  device: CalledDevice,
  codec: Codec<V>,
  request: number,
  argument: Uint8Array,
  act: (value: V) => number,
): number {
  const value = decodeStructure(codec, argument);
  if (value === undefined) return device.rules.calls.badPointer;
  return device.rules.calls.acceptsArgsz(value.argsz, codec.size, request) ? act(value) : -errno.EINVAL;
}

const deviceInfo = (device: CalledDevice, argument: Uint8Array): number =>
  withArgument(device, vfioDeviceInfo, vfioRequests.VFIO_DEVICE_GET_INFO, argument, ({ argsz }) => {
    const { calls, layout } = device.rules;
    const value: Value<typeof vfioDeviceInfo> = {
      argsz,
      flags: calls.deviceFlags(layout.deviceFlags, argsz),
      numRegions: calls.regionCount(layout.regions.length),
      numIrqs: calls.interruptCount(layout.interrupts.length),
    };
    return store(vfioDeviceInfo, value, argument);
  });

const regionInfo = (device: CalledDevice, argument: Uint8Array): number =>
  withArgument(
    device,
    vfioRegionInfo,
    vfioRequests.VFIO_DEVICE_GET_REGION_INFO,
    argument,
    ({ argsz, index: asked }) => {
      const { calls, layout } = device.rules;
      const index = calls.regionAskedFor(asked, layout.regions.length);
      const region = layout.regions[index];
      if (region === undefined) return -errno.EINVAL;
      const value = {
        argsz,
        flags: calls.regionFlags(index, region.flags),
        index: calls.toldIndex(index),
        capOffset: 0,
        size: BigInt(calls.regionSize(index, device.regionSize(index))),
        offset: BigInt(calls.regionOffset(index, argsz)),
      };
      return store(vfioRegionInfo, value, argument);
    },
  );

const interruptInfo = (device: CalledDevice, argument: Uint8Array): number =>
  withArgument(device, vfioIrqInfo, vfioRequests.VFIO_DEVICE_GET_IRQ_INFO, argument, ({ argsz, index: asked }) => {
    const { calls, interrupt, layout } = device.rules;
    const index = calls.interruptAskedFor(asked, layout.interrupts.length);
    const shape = layout.interrupts[index];
    if (shape === undefined) return -errno.EINVAL;
    const vectors = shape.perRing ? interrupt.told(ringsInUse(device.rings.records), device.rings.records.length) : 0;
    const count = calls.vectorsOf(index, vectors);
    return store(vfioIrqInfo, { argsz, flags: calls.interruptFlags(shape.flags), index, count }, argument);
  });

const setInterrupts = (device: CalledDevice, argument: Uint8Array): number =>
  withArgument(device, vfioIrqSet, vfioRequests.VFIO_DEVICE_SET_IRQS, argument, (set) => {
    const { layout } = device.rules;
    const vectors = layout.interrupts[set.index]?.perRing === true ? device.rings.records.length : 0;
    const shape = { vectors, isRunning: device.isRunning };
    return device.interrupts.set(set, shape, argument.subarray(vfioIrqSet.size));
  });

/** An ioctl on the device: 0, or an error negated. What it tells is written into the argument. */
export function deviceCall(device: CalledDevice, request: number, argument: Uint8Array): number {
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
  return device.rules.calls.unknownCall;
}
