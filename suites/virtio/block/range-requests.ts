import type { BlockRequest, BlockRequests } from '../../../drivers/devices/block-requests.ts';
import type { RequestShape } from '../../../drivers/devices/request.ts';
import type { Queue } from '../../../drivers/port/port.ts';

/** Requests with segments in place of data (virtio 5.2.6). */

export const VIRTIO_BLK_T_DISCARD = 11;
export const VIRTIO_BLK_T_WRITE_ZEROES = 13;
export const VIRTIO_BLK_T_SECURE_ERASE = 14;
export const UNMAP = 1;

export const rangeRequests = {
  DISCARD: VIRTIO_BLK_T_DISCARD,
  WRITE_ZEROES: VIRTIO_BLK_T_WRITE_ZEROES,
  SECURE_ERASE: VIRTIO_BLK_T_SECURE_ERASE,
} as const;

/** Bytes of struct virtio_blk_discard_write_zeroes. */
export const rangeBytes = 16;

/** struct virtio_blk_discard_write_zeroes. */
export function range(sector: number | bigint, sectors: number, flags = 0): Uint8Array {
  const view = new DataView(new ArrayBuffer(rangeBytes));
  view.setBigUint64(0, BigInt(sector), true);
  view.setUint32(8, sectors, true);
  view.setUint32(12, flags, true);
  return new Uint8Array(view.buffer);
}

/** @throws as `waitForUsed`. */
export function completed(queue: Queue, request: BlockRequest): BlockRequest {
  queue.makeAvailable([request.segments]);
  queue.kickAndWaitForUsed(1);
  return request;
}

/** The status of one range request. @throws as `waitForUsed`. */
export function statusOf(
  queue: Queue,
  block: BlockRequests,
  type: number,
  data: Uint8Array,
  shape: RequestShape = {},
): number {
  return completed(queue, block.raw({ ...shape, type, sector: 0, data })).status();
}
