import type { VhostMdevSession } from '../../drivers/port/port.ts';
import { decodeStructure, encodeStructure } from '../../reference-impl/wire/structure.ts';
import { vfioDeviceInfo, vfioRegionInfo, vfioRequests } from '../../reference-impl/wire/vfio-structures.ts';
import { resultOf } from './channel-door.ts';

/** A call's argument with bytes behind its structure, as a caller of a newer kernel has them. */
function roomy(structure: Uint8Array, argsz: number): Uint8Array {
  const argument = new Uint8Array(Math.max(structure.length, argsz));
  argument.set(structure);
  return argument;
}

export interface SeenDeviceInfo {
  /** `0 bytes` where the call succeeded. */
  readonly resultOf: string;
  readonly flags: number;
  readonly numRegions: number;
  readonly numIrqs: number;
}

/** VFIO_DEVICE_GET_INFO with any argsz. */
export function deviceInfoOf({ vfio }: VhostMdevSession, argsz = vfioDeviceInfo.size): SeenDeviceInfo {
  const argument = roomy(encodeStructure(vfioDeviceInfo, { argsz, flags: 0, numRegions: 0, numIrqs: 0 }), argsz);
  const answer = vfio.file.ioctl(vfioRequests.VFIO_DEVICE_GET_INFO, argument);
  const { flags = 0, numRegions = 0, numIrqs = 0 } = decodeStructure(vfioDeviceInfo, argument) ?? {};
  return { resultOf: resultOf(answer), flags, numRegions, numIrqs };
}

export interface SeenRegionInfo {
  readonly resultOf: string;
  readonly flags: number;
  readonly index: number;
  readonly size: bigint;
  readonly offset: bigint;
}

/** VFIO_DEVICE_GET_REGION_INFO with any argsz, asked again each time. */
export function regionInfoOf({ vfio }: VhostMdevSession, index: number, argsz = vfioRegionInfo.size): SeenRegionInfo {
  const asked = { argsz, flags: 0, index, capOffset: 0, size: 0n, offset: 0n };
  const argument = roomy(encodeStructure(vfioRegionInfo, asked), argsz);
  const answer = vfio.file.ioctl(vfioRequests.VFIO_DEVICE_GET_REGION_INFO, argument);
  const told = decodeStructure(vfioRegionInfo, argument) ?? asked;
  return { resultOf: resultOf(answer), flags: told.flags, index: told.index, size: told.size, offset: told.offset };
}

/** Sizes that a caller may give a structure: its own, and with room behind it. */
export const sizesFrom = (least: number): readonly number[] => [least, least + 8, least + 32];
