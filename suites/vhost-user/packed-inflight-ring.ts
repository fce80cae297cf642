import type { DeviceDriver } from '../../drivers/devices/device-driver.ts';
import type { DriverPort, GuestPackedRing, VhostUserSession } from '../../drivers/port/port.ts';
import type { PackedDescriptor } from '../../reference-impl/virtqueue/packed/ring-memory.ts';
import { packedPosition } from '../../reference-impl/virtqueue/ring.ts';
import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import type { CaseContext, VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';
import { listFlags } from '../virtio/packed-ring/list-flags.ts';
import { type Place, placeAfter } from '../virtio/packed-ring/place.ts';
import { setInflight } from './inflight-buffer.ts';
import { fetched, queueSize } from './inflight-ring.ts';
import { PackedInflightQueue } from './packed-inflight-queue.ts';
import { RingByHand } from './ring-by-hand.ts';

export interface PackedTracked {
  readonly region: PackedInflightQueue;
  readonly hand: RingByHand<GuestPackedRing>;
}

export type PackedTrackingContext = Pick<
  CaseContext<string, VariantAxes, VhostUserSession, GuestPackedRing>,
  'driver' | 'ring'
> & { readonly port: DriverPort<VhostUserSession> };

/** A packed ring, not told of yet, with a record of the back-end's own making; or a recorded failure and undefined. */
export function packedTracked(
  { port, driver, ring }: PackedTrackingContext,
  session: VhostUserSession,
  check: Check,
  position = packedPosition(0),
  size = queueSize,
): PackedTracked | undefined {
  const index = driver.queueIndex;
  const buffer = fetched(session, check, index + 1, size);
  if (buffer === undefined) return undefined;
  check.accepted(session.messages.acknowledged(setInflight(buffer.description, [buffer.fd])), 'SET_INFLIGHT_FD');
  driver.companions();
  const hand = new RingByHand(port, session, ring({ size, position }), { index });
  return { hand, region: new PackedInflightQueue(port, buffer, index, size) };
}

/** All that a ring is told to run. */
export const startRing = (hand: RingByHand): void =>
  hand.tell('num', 'base', 'addresses', 'call', 'error', 'kick', 'enable');

/** Has lists used, one after the other. Whether that worked. */
export function usesLists(
  { hand }: PackedTracked,
  driver: DeviceDriver<GuestPackedRing>,
  check: Check,
  count: number,
): boolean {
  for (let seed = 1; seed <= count; seed++) {
    hand.makeAvailable(driver.request({ seed, descriptors: 3 }).segments);
    hand.kick();
    if (hand.waitForUsed(check, 1, `list ${seed}`) === undefined) return false;
  }
  return true;
}

/** The descriptors of a list that the driver entered at `start`, with the flags that make each of them available. */
export const writtenAt = (ring: GuestPackedRing, start: Place, segments: readonly Segment[]): PackedDescriptor[] =>
  segments.map((_, at) => {
    const { slot, wrap } = placeAfter(start, at, ring.size);
    return { ...ring.readDescriptor(slot), flags: listFlags(segments, at, wrap) };
  });

/** Tells a new back-end of the ring, as it is in memory and where its driver stands, and kicks it. */
export function takenOver(
  port: DriverPort<VhostUserSession>,
  session: VhostUserSession,
  { hand }: PackedTracked,
): RingByHand<GuestPackedRing> {
  const next = new RingByHand(port, session, hand.ring, { index: hand.index, position: hand.driver.position });
  startRing(next);
  next.kick();
  return next;
}
