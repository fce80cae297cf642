import type { DeviceDriver } from '../../drivers/devices/device-driver.ts';
import type { GuestSplitRing } from '../../drivers/port/port.ts';
import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import type { SplitAddOptions } from '../../reference-impl/virtqueue/split/driver-ring.ts';
import type { CaseContext, VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';
import { runningQueue, servesAfresh } from './running-queue.ts';

type Context = Pick<CaseContext<string, VariantAxes>, 'connect' | 'driverOf' | 'port' | 'ring'>;

/** A chain that lies in the table and is not shown yet. */
export interface LaidOut {
  readonly ring: GuestSplitRing;
  /** Its descriptors, in the order of the chain. */
  readonly places: readonly number[];
  /** Those of the sound chain ahead of it. */
  readonly sound: readonly number[];
  /** Place of its head in the available ring. */
  readonly slot: number;
}

/** Changes one or more things about a sound chain, or about the ring once it is shown. */
export interface Breakage {
  readonly key: string;
  readonly chain?: (driver: DeviceDriver) => readonly Segment[];
  readonly add?: SplitAddOptions;
  readonly lay?: (laid: LaidOut) => void;
  /** Moves the available idx in place of the driver side. */
  readonly show?: (ring: GuestSplitRing) => void;
}

/** How long a device may take to find out, in milliseconds, where nothing that can be seen tells of it. */
const findsOutWithinMs = 20;
const size = 16;

/**
 * On a session of its own shows a sound chain and behind it a broken one, waits until the device has met them as far
 * as that can be told, and stops the ring. Then a fresh session must be served.
 */
export function survives(context: Context, check: Check, breakage: Breakage): void {
  const { port } = context;
  const { session, driver, ring, queue } = runningQueue(context, {
    size,
    indirect: breakage.add?.indirect !== undefined,
  });
  const soundChain = driver.chain({ seed: 1, readableCuts: [4, 6] });
  queue.driver.add(soundChain);
  const slot = queue.driver.nextAvailIdx % size;
  const chain = breakage.chain?.(driver) ?? driver.chain({ seed: 2, readableCuts: [4, 6] });
  const head = queue.driver.add(chain, breakage.add);
  if (head === 'ring-full') throw new RangeError(`${breakage.key} is longer than ${size} descriptors`);
  breakage.lay?.({ ring, places: chain.map((_, at) => head + at), sound: [...soundChain.keys()], slot });
  // At once: a device that polls must not meet the sound chain by itself.
  if (breakage.show === undefined) queue.driver.publish();
  else breakage.show(ring);
  queue.kick();
  port.until(() => ring.usedIdx() !== 0 || queue.errors() > 0 || !session.isOpen, findsOutWithinMs);
  // A device that runs by itself is past the sound chain and has the broken one before it.
  if (session.isOpen) session.fence();
  // The answer comes behind what the device did with the kick.
  if (session.isOpen) queue.stop();
  session.close();
  servesAfresh(context, check, `after ${breakage.key}`);
}
