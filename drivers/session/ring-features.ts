import type { AddressSpace } from '../../reference-impl/memory/addresses.ts';
import type { Guest } from '../../reference-impl/memory/guest.ts';
import type { DriverRingOptions } from '../../reference-impl/virtqueue/driver-ring.ts';
import {
  VIRTIO_F_EVENT_IDX,
  VIRTIO_F_IN_ORDER,
  VIRTIO_F_RING_PACKED,
} from '../../reference-impl/virtqueue/feature-bits.ts';
import type { RingLayout, RingPosition } from '../../reference-impl/virtqueue/ring.ts';
import { DriverUsageError } from '../errors.ts';
import type { AttachOptions } from '../port/queue.ts';

/** What a session knows of the driver side of every ring that is attached to it. */
export interface DriverSideOfSession {
  readonly space: AddressSpace;
  /** The device features that it accepted. */
  readonly accepted: bigint;
  /** The memory that it shares. */
  readonly guest: Guest | undefined;
}

/**
 * The driver side of a ring: its features as the session accepted them, unless the options say otherwise.
 * @throws DriverUsageError for indirect tables where no memory is shared.
 */
export function driverRingOptions(
  { space, accepted, guest }: DriverSideOfSession,
  position: RingPosition,
  { eventIdx, inOrder, indirect }: Pick<AttachOptions, 'eventIdx' | 'inOrder' | 'indirect'>,
): DriverRingOptions {
  if (indirect === true && guest === undefined) {
    throw new DriverUsageError('indirect tables need shared memory: call shareMemory before attach');
  }
  return {
    space,
    position,
    eventIdx: eventIdx ?? (accepted & VIRTIO_F_EVENT_IDX) !== 0n,
    inOrder: inOrder ?? (accepted & VIRTIO_F_IN_ORDER) !== 0n,
    ...(guest === undefined ? {} : { tables: guest }),
  };
}

/** The layout of every ring of a session, by the device features that it accepted. */
export const layoutIn = (accepted: bigint): RingLayout =>
  (accepted & VIRTIO_F_RING_PACKED) === 0n ? 'split' : 'packed';
