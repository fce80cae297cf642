import type { DeviceDriver } from '../../drivers/devices/device-driver.ts';
import type { AttachOptions, Guest, GuestRing, GuestSplitRing, Session } from '../../drivers/port/port.ts';
import { seenWithinMs } from '../../judging/deadline.ts';
import { readable, type Segment, writable } from '../../reference-impl/virtqueue/segment.ts';
import type { SplitAddOptions } from '../../reference-impl/virtqueue/split/driver-ring.ts';
import type { CaseContext, VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';
import { presumesService, type RunningQueue, runningQueue, servesAfresh } from './running-queue.ts';

type Context<R extends GuestRing> = Pick<
  CaseContext<string, VariantAxes, Session, R>,
  'connect' | 'driverOf' | 'port' | 'ring'
>;
type Sweep<R extends GuestRing> = Context<R> & Pick<CaseContext<string, VariantAxes>, 'points'>;

/** A chain that a driver may not make, on a ring of any layout. */
export interface BrokenChain {
  readonly key: string;
  chain(driver: DeviceDriver): readonly Segment[];
}

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
  /** It is one that a device may carry out as it stands. */
  readonly isBearable?: true;
  /** A request, unless told. */
  readonly chain?: (driver: DeviceDriver) => readonly Segment[];
  readonly add?: SplitAddOptions;
  readonly lay?: (laid: LaidOut) => void;
  /** Moves the available idx in place of the driver side. */
  readonly show?: (ring: GuestSplitRing) => void;
}

/** Chains whose buffers are all of one direction, for a case that then empties each of their descriptors. */
export function emptyBuffers(guest: Guest): { readonly key: string; chain(): readonly Segment[] }[] {
  const pieces = (count: number) => Array.from({ length: count }, () => guest.allocate({ size: 32 }));
  return [
    { key: 'all,readable', chain: () => pieces(10).map(readable) },
    { key: 'all,writable', chain: () => pieces(10).map(writable) },
    { key: 'all,one', chain: () => pieces(1).map(writable) },
  ];
}

/** How long a device that goes on for ever is given to use more than there is, in milliseconds. */
const goesTooFarWithinMs = 5;
const size = 16;

const soundRequest = (driver: DeviceDriver, seed: number): readonly Segment[] => driver.chain({ seed, descriptors: 4 });

/** Marks what a device may carry out as it stands. */
export const bearable = <Broken extends { readonly key: string }>(broken: Broken) =>
  ({ ...broken, isBearable: true }) as const;

/** A point for each chain, on a device that serves before the first. @throws CaseEnded where it does not. */
export function eachSurvived(context: Sweep<GuestRing>, check: Check, chains: readonly BrokenChain[]): void {
  presumesService(context, check);
  context.points(chains, (point) => survives(context, check, point));
}

/** The same, where what is broken lies in the memory of a split ring. */
export function eachSurvivedOnSplit(
  context: Sweep<GuestSplitRing>,
  check: Check,
  breakages: readonly Breakage[],
): void {
  presumesService(context, check);
  context.points(breakages, (point) => survivesOnSplit(context, check, point));
}

/**
 * On a session of its own shows a sound chain and behind it a broken one, waits until the device has met them as far
 * as that can be told, and stops the ring. No more chains may be used than the ring showed, and a fresh session must
 * be served.
 */
function survives(context: Context<GuestRing>, check: Check, { key, chain }: BrokenChain): void {
  meets(context, check, { key, isBearable: true }, {}, ({ driver, queue }) => {
    queue.makeAvailable([soundRequest(driver, 1), chain(driver)]);
    return 2;
  });
}

/** The same, where what is broken lies in the memory of a split ring. */
export function survivesOnSplit(context: Context<GuestSplitRing>, check: Check, breakage: Breakage): void {
  const attach = { indirect: breakage.add?.indirect !== undefined };
  meets(context, check, breakage, attach, ({ driver, ring, queue }) => {
    const sound = soundRequest(driver, 1);
    queue.driver.add(sound);
    const slot = queue.driver.nextAvailIdx % size;
    const chain = breakage.chain?.(driver) ?? soundRequest(driver, 2);
    const head = queue.driver.add(chain, breakage.add);
    if (head === 'ring-full') throw new RangeError(`${breakage.key} is longer than ${size} descriptors`);
    breakage.lay?.({ ring, places: chain.map((_, at) => head + at), sound: [...sound.keys()], slot });
    // At once: a device that polls must not meet the sound chain by itself.
    const { avail: before } = queue.driver.position;
    if (breakage.show === undefined) queue.driver.publish();
    else breakage.show(ring);
    return (ring.availIdx() - before) & 0xffff;
  });
}

/** `show` answers how many chains the ring shows by then. */
function meets<R extends GuestRing>(
  context: Context<R>,
  check: Check,
  { key, isBearable }: { readonly key: string; readonly isBearable?: true },
  attach: Pick<AttachOptions, 'indirect'>,
  show: (running: RunningQueue<Session, R>) => number,
): void {
  const running = runningQueue(context, { size, ...attach });
  const { port } = context;
  const { session, queue } = running;
  const shown = show(running);
  queue.kick();
  port.until(() => queue.usedCount() !== 0 || queue.errors() > 0 || !session.isOpen, seenWithinMs(port));
  port.until(() => queue.usedCount() > shown || !session.isOpen, goesTooFarWithinMs);
  check.atMost(queue.usedCount(), shown, `chains used of those that the ring showed ${key}`);
  // A device that runs by itself is past the sound chain and has the broken one before it.
  if (session.isOpen) session.fence();
  // The answer comes behind what the device did with the kick.
  if (session.isOpen) queue.stop();
  // A ring that shows more chains than it can hold is broken from its first one on.
  if (isBearable !== true && port.facts.capabilities.includes('breaks-rings')) {
    check.equal(queue.usedCount(), shown === 2 ? 1 : 0, `chains used where the target breaks rings with ${key}`);
    check.atMost(queue.errors(), 1, `errors signalled by a ring that is broken with ${key}`);
  }
  session.close();
  servesAfresh(context, check, `after ${key}`);
}
