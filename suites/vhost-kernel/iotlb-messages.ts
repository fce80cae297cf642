import type { Guest, VhostFileSession } from '../../drivers/port/port.ts';
import type { Region } from '../../reference-impl/memory/region.ts';
import { type IotlbMessage, iotlbMessageTypes, VHOST_ACCESS_RW } from '../../reference-impl/wire/vdpa-structures.ts';

const { VHOST_IOTLB_UPDATE, VHOST_IOTLB_INVALIDATE, VHOST_IOTLB_BATCH_BEGIN, VHOST_IOTLB_BATCH_END } =
  iotlbMessageTypes;

type Region_ = Pick<Region, 'ioVirtualAddress' | 'userAddress' | 'size'>;

/** Maps a region for reading and writing, or otherwise, at its own addresses unless told. */
export function mapping(region: Region_, more: Partial<IotlbMessage> = {}): IotlbMessage {
  const { ioVirtualAddress, userAddress, size } = region;
  return {
    request: VHOST_IOTLB_UPDATE,
    ioVirtualAddress,
    userAddress,
    size: BigInt(size),
    permission: VHOST_ACCESS_RW,
    ...more,
  };
}

export const unmapping = ({ ioVirtualAddress, size }: Region_, asid = 0): IotlbMessage => ({
  request: VHOST_IOTLB_INVALIDATE,
  ioVirtualAddress,
  size: BigInt(size),
  asid,
});

export const batchBegin = (asid = 0): IotlbMessage => ({ request: VHOST_IOTLB_BATCH_BEGIN, asid });
export const batchEnd = (asid = 0): IotlbMessage => ({ request: VHOST_IOTLB_BATCH_END, asid });

/** A message for each region: the last error, or what the last one answered. */
export function eachRegion(
  { calls }: VhostFileSession,
  guest: Guest,
  message: (region: Region) => IotlbMessage,
): number {
  let answer = 0;
  for (const region of guest.regions) {
    answer = calls.iotlb(message(region));
    if (answer < 0) return answer;
  }
  return answer;
}
