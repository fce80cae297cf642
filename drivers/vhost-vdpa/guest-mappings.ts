import type { Guest } from '../../reference-impl/memory/guest.ts';
import { iotlbMessageTypes, VHOST_ACCESS_RW } from '../../reference-impl/wire/vdpa-structures.ts';
import type { VdpaIotlbMessage } from '../port/vhost-vdpa-door.ts';

/** A range of I/O-virtual addresses that was told. */
export interface IotlbMapping {
  readonly ioVirtualAddress: bigint;
  readonly size: bigint;
}

/** The messages that make a guest the memory of the device, in place of what was told before. */
export function guestMappings(
  guest: Guest,
  before: readonly IotlbMapping[],
  inBatch: boolean,
): readonly VdpaIotlbMessage[] {
  const messages: VdpaIotlbMessage[] = before.map((range) => ({
    request: iotlbMessageTypes.VHOST_IOTLB_INVALIDATE,
    ...range,
  }));
  for (const { ioVirtualAddress, userAddress, size } of guest.regions) {
    messages.push({
      request: iotlbMessageTypes.VHOST_IOTLB_UPDATE,
      ioVirtualAddress,
      userAddress,
      size: BigInt(size),
      permission: VHOST_ACCESS_RW,
    });
  }
  if (!inBatch) return messages;
  const { VHOST_IOTLB_BATCH_BEGIN, VHOST_IOTLB_BATCH_END } = iotlbMessageTypes;
  return [{ request: VHOST_IOTLB_BATCH_BEGIN }, ...messages, { request: VHOST_IOTLB_BATCH_END }];
}
