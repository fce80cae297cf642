import type { DeviceDriver } from '../../../drivers/devices/device-driver.ts';
import type { GuestPackedRing, Session } from '../../../drivers/port/port.ts';
import { seenWithinMs } from '../../../judging/deadline.ts';
import type { AddOptions } from '../../../reference-impl/virtqueue/driver-ring.ts';
import { availableBits, isAvailableIn, isUsedIn, usedBits } from '../../../reference-impl/virtqueue/packed/layout.ts';
import type { Segment } from '../../../reference-impl/virtqueue/segment.ts';
import type { CaseContext, VariantAxes } from '../../case.ts';
import type { Check } from '../../check.ts';
import { presumesService, runningQueue, servesAfresh } from '../running-queue.ts';
import { INDIRECT, listFlags } from './list-flags.ts';
import { markBits, type Place, placeAfter, usedPlace } from './place.ts';

type Context = Pick<
  CaseContext<string, VariantAxes, Session, GuestPackedRing>,
  'connect' | 'driverOf' | 'port' | 'ring'
>;

/** A list that lies in the ring; the device does not see it before the sound one. */
export interface LaidOut {
  readonly ring: GuestPackedRing;
  /** Its descriptors, in the order of the list. */
  readonly places: readonly Place[];
  /** Those of the sound list ahead of it. */
  readonly sound: readonly Place[];
}

/** Changes one or more things about a sound list. */
export interface Breakage {
  readonly key: string;
  /** It is one that a device may carry out as it stands. */
  readonly isBearable?: true;
  readonly chain?: (driver: DeviceDriver) => readonly Segment[];
  readonly add?: AddOptions;
  /** Once the list lies there as it should, and before it is shown. */
  readonly lay?: (laid: LaidOut) => void;
  /** Once it was shown, and before the kick. */
  readonly shown?: (laid: LaidOut) => void;
}

const size = 16;

/** What the driver left in the slots of neither list, once all was shown. */
function otherSlots(ring: GuestPackedRing, lists: readonly Place[]): { slot: number; flags: number; id: number }[] {
  const slots = Array.from({ length: ring.size }, (_, slot) => slot);
  return slots
    .filter((slot) => lists.every((place) => place.slot !== slot))
    .map((slot) => ({ slot, ...ring.readDescriptor(slot) }));
}

/** Slots of neither list that were used although nothing was available in them, or that were used twice. */
function usedTooOften(ring: GuestPackedRing, before: ReturnType<typeof otherSlots>): number[] {
  const isTooOften = ({ slot, flags, id }: { slot: number; flags: number; id: number }): boolean => {
    const now = ring.readDescriptor(slot);
    if (!isAvailableIn(flags, 1)) return now.flags !== flags || now.id !== id;
    return (now.flags & markBits) === usedBits(0);
  };
  return before.filter(isTooOften).map(({ slot }) => slot);
}

function placesFrom(start: Place, count: number): Place[] {
  return Array.from({ length: count }, (_, at) => placeAfter(start, at, size));
}

/** A point for each list, on a device that serves before the first. @throws CaseEnded where it does not. */
export function eachSurvived(
  context: Context & Pick<CaseContext<string, VariantAxes>, 'points'>,
  check: Check,
  breakages: readonly Breakage[],
): void {
  presumesService(context, check);
  context.points(breakages, (point) => survives(context, check, point));
}

/**
 * On a session of its own shows a sound list and behind it a broken one, waits until the device has met them as far as
 * that can be told, and stops the ring. No slot may be used that showed nothing, and a fresh session must be served.
 */
function survives(context: Context, check: Check, breakage: Breakage): void {
  const { port } = context;
  const { session, driver, queue } = runningQueue(context, {
    size,
    indirect: breakage.add?.indirect !== undefined,
    kicks: 'always',
  });
  const { ring } = queue;
  const start = usedPlace(queue.driver);
  const soundList = driver.request({ seed: 1, descriptors: 4 }).segments;
  const sound = placesFrom(start, soundList.length);
  queue.driver.add(soundList);
  const list = breakage.chain?.(driver) ?? driver.request({ seed: 2, descriptors: 4 }).segments;
  if (queue.driver.add(list, breakage.add) === 'ring-full') {
    throw new RangeError(`${breakage.key} is longer than ${size} descriptors`);
  }
  const head = placeAfter(start, soundList.length, size);
  const isTable = breakage.add?.indirect !== undefined;
  const places = isTable ? [head] : placesFrom(head, list.length);
  ring.writeDescriptor(head.slot, {
    flags: isTable ? INDIRECT | availableBits(head.wrap) : listFlags(list, 0, head.wrap),
  });
  breakage.lay?.({ ring, places, sound });
  // The sound list at last: a device that polls must not meet it by itself.
  ring.writeDescriptor(start.slot, { flags: listFlags(soundList, 0, start.wrap) });
  breakage.shown?.({ ring, places, sound });
  const others = otherSlots(ring, [...sound, ...places]);
  queue.kick();
  const isSoundUsed = (): boolean => isUsedIn(ring.flags(start.slot), start.wrap);
  port.until(() => isSoundUsed() || queue.errors() > 0 || !session.isOpen, seenWithinMs(port));
  // A device that runs by itself is past the sound list and has the broken one before it.
  if (session.isOpen) session.fence();
  // The answer comes behind what the device did with the kick.
  if (session.isOpen) queue.stop();
  if (breakage.isBearable !== true && port.facts.capabilities.includes('breaks-rings')) {
    const isUsed = isUsedIn(ring.flags(head.slot), head.wrap);
    check.equal(isUsed, false, `whether a list is used where the target breaks rings with ${breakage.key}`);
    check.atMost(queue.errors(), 1, `errors signalled by a ring that is broken with ${breakage.key}`);
  }
  const tooOften = usedTooOften(ring, others);
  check.equal(tooOften.join(), '', `slots behind ${breakage.key} that were used with nothing available in them`);
  session.close();
  servesAfresh(context, check, `after ${breakage.key}`);
}
