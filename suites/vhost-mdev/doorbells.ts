import type { DeviceDriver } from '../../drivers/devices/device-driver.ts';
import type { DriverPort, Queue, VhostMdevSession } from '../../drivers/port/port.ts';
import { type Answer, answerOf, ringCount } from './ring-messages.ts';

/** What a device that runs by itself is given to show that it took something for a doorbell, in milliseconds. */
const pauseMs = 2;
const roundsToBeSure = 3;

/** The data of a doorbell: a queue's number, in as many bytes as are wanted; all bits are set behind it. */
export function doorbellData(queue: number, length = 4): Uint8Array {
  const bytes = new Uint8Array(Math.max(4, length)).fill(0xff);
  new DataView(bytes.buffer).setUint32(0, queue, true);
  return bytes.subarray(0, length);
}

/** Writes to the region of doorbells: bytes taken, or an error negated. */
export const writeDoorbells = ({ vfio, places }: VhostMdevSession, offset: number, bytes: Uint8Array): number =>
  vfio.write(places.doorbells, offset, bytes);

/** The same, where what is of interest is whether it was taken. */
export const doorbellAnswer = (session: VhostMdevSession, offset: number, bytes: Uint8Array): Answer =>
  answerOf(writeDoorbells(session, offset, bytes));

/** Bytes of the region of doorbells, and of a ring's page in it. */
export const doorbellSizes = (session: VhostMdevSession): { readonly region: number; readonly page: number } => ({
  region: ringCount(session) * session.pageSize,
  page: session.pageSize,
});

/** What an act did for a chain that waited without a doorbell. */
export type Effect = 'not served' | 'served' | 'served unasked';

/** Outcomes of an act that is no doorbell of the ring. A device may look at its rings whenever it likes. */
export const noDoorbell: readonly Effect[] = ['not served', 'served unasked'];

/**
 * Has a chain wait on a ring that came to rest, acts, and tells whether that had it served: three times of three, for
 * one that runs by itself may happen to look just then. The chain is served in the end in any case.
 * @throws as `waitForUsed`.
 */
export function effectOn(
  { port, driver }: { readonly port: DriverPort; readonly driver: DeviceDriver },
  queue: Queue,
  act: () => void,
): Effect {
  for (let round = 1; ; round++) {
    rest(port);
    const before = queue.usedCount();
    const isServed = (): boolean => queue.usedCount() !== before;
    queue.makeAvailable([driver.request({ seed: round }).segments]);
    const isUnasked = port.until(isServed, pauseMs) === 'true';
    if (!isUnasked) act();
    const isOver = isUnasked || port.until(isServed, pauseMs) === 'true';
    if (!isOver) queue.kick();
    queue.waitForUsed(1);
    if (isUnasked) return 'served unasked';
    if (!isOver) return 'not served';
    if (round === roundsToBeSure) return 'served';
  }
}

/**
 * Gives a device the time to do what it wrongly may, and its rings to be found empty: a ring that is still looked at is
 * served without a doorbell.
 */
export function rest(port: DriverPort): void {
  port.until(() => false, pauseMs);
}
