import type { DeviceDriver } from '../../drivers/devices/device-driver.ts';
import type {
  DriverPort,
  GuestRing,
  OutgoingMessage,
  Queue,
  ReceivedMessage,
  RingPosition,
  VhostUserSession,
} from '../../drivers/port/port.ts';
import { seenWithinMs } from '../../judging/deadline.ts';
import type { Check } from '../check.ts';
import { settled, stoppedAt } from '../ring-positions.ts';
import { wordOf } from './words.ts';

/** The state of a device behind its rings, through a pipe (vhost-user, "Migrating back-end state"). */

export const transferDirection = { save: 0, load: 1 } as const;
const phaseStopped = 0;
/** Bytes that a pipe takes in one step where it takes any. */
const atOnce = 4096;
/** Bits of an answer to SET_DEVICE_STATE_FD that are not 0 where it failed. */
export const transferError = 0xffn;
export const withoutDescriptor = 0x100n;

export const setDeviceState = (direction: number, descriptor: number, phase = phaseStopped): OutgoingMessage => ({
  request: 'VHOST_USER_SET_DEVICE_STATE_FD',
  payload: { transferDirection: direction, migrationPhase: phase },
  descriptors: [descriptor],
});

export const errorOf = (answer: ReceivedMessage): bigint => wordOf(answer) & transferError;

interface StoppedRing {
  readonly ring: GuestRing;
  readonly index: number;
  readonly position: RingPosition;
}

/** Stops a ring and those beside it, the last that is attached first; a recorded failure and undefined where one does not stop. */
export function stopEvery(check: Check, driver: DeviceDriver, queue: Queue): StoppedRing[] | undefined {
  const stopped: StoppedRing[] = [];
  for (const each of [queue, ...driver.companions()]) {
    const { ring, index } = each;
    const position = stoppedAt(check, each.stop(), `GET_VRING_BASE of ring ${index}`);
    if (position === undefined) return undefined;
    stopped.push({ ring, index, position: settled(position) });
  }
  return stopped;
}

/** Attaches rings where they stopped; the first of them, which `stopEvery` was asked to stop, last. */
export function attachedAgain(driver: DeviceDriver, [first, ...others]: readonly StoppedRing[]): Queue | undefined {
  for (const { ring, ...at } of others) driver.attach(ring, at);
  if (first === undefined) return undefined;
  const { ring, ...at } = first;
  return driver.attach(ring, at);
}

/** The answer to CHECK_DEVICE_STATE. */
export function checkedState(session: VhostUserSession, check: Check): bigint {
  const answer = session.messages.exchange({ request: 'VHOST_USER_CHECK_DEVICE_STATE' });
  return wordOf(check.reply(answer, 'CHECK_DEVICE_STATE'));
}

/** Whether a transfer that fails fails the requirement, or only what a case presupposes. */
export type TransferIs = 'shown' | 'presumed';

/** An error is the way of the text to say that a transfer cannot be: what it means depends on what is shown. */
function isBegun(check: Check, answer: ReceivedMessage, what: string, transferIs: TransferIs): boolean {
  const error = errorOf(answer);
  if (transferIs === 'presumed') check.presumes(error === 0n, `${what} begins, and it is answered with error ${error}`);
  return check.equal(error, 0n, `error in the answer to SET_DEVICE_STATE_FD, ${what}`);
}

/**
 * Has the state saved, reads it to its end, and closes its own end. A recorded failure and undefined where that does not
 * come. @throws CaseEnded
 */
export function savedState(
  port: DriverPort<VhostUserSession>,
  session: VhostUserSession,
  check: Check,
  transferIs: TransferIs,
): Uint8Array | undefined {
  const { descriptors } = port;
  const { readEnd, writeEnd } = descriptors.pipe('blocking');
  const answer = check.reply(session.messages.exchange(setDeviceState(transferDirection.save, writeEnd)), 'saving');
  descriptors.close(writeEnd);
  if (!isBegun(check, answer, 'saving', transferIs)) return undefined;
  const channel = channelOf(port, answer, readEnd);
  const parts: Uint8Array[] = [];
  const outcome = port.until(() => {
    const bytes = descriptors.drain(channel);
    if (bytes !== undefined && bytes.length > 0) parts.push(bytes);
    return bytes === undefined;
  }, port.deadlineMs);
  if (outcome === 'deadline') {
    check.silence('the end of the state that is saved', 'the back-end closes its end', port.deadlineMs);
    return undefined;
  }
  descriptors.close(channel);
  return check.equal(outcome, 'true', 'reading of the state that is saved') ? joined(parts) : undefined;
}

/**
 * Has a state loaded that it writes in these pieces, and closes. Between pieces the device has time to read. A recorded
 * failure and false where that fails. @throws CaseEnded
 */
export function loadState(
  port: DriverPort<VhostUserSession>,
  session: VhostUserSession,
  check: Check,
  pieces: readonly Uint8Array[],
  transferIs: TransferIs,
): boolean {
  const { descriptors } = port;
  const { readEnd, writeEnd } = descriptors.pipe('blocking');
  const answer = check.reply(session.messages.exchange(setDeviceState(transferDirection.load, readEnd)), 'loading');
  descriptors.close(readEnd);
  if (!isBegun(check, answer, 'loading', transferIs)) return false;
  const channel = channelOf(port, answer, writeEnd);
  for (const [at, piece] of pieces.entries()) {
    if (at > 0) port.until(() => false, seenWithinMs(port));
    let written = 0;
    const outcome = port.until(() => {
      const part = piece.subarray(written, written + atOnce);
      if (part.length > 0) written += descriptors.write(channel, part);
      return written === piece.length;
    }, port.deadlineMs);
    if (outcome === 'deadline') check.silence('reading of the state that is loaded', 'it is read', port.deadlineMs);
    else if (outcome !== 'true') check.equal(outcome, 'true', 'writing of the state that is loaded');
    if (outcome !== 'true') return false;
  }
  descriptors.close(channel);
  return true;
}

/** The channel of the back-end, where it gave one: then ours is closed. */
function channelOf(port: DriverPort<VhostUserSession>, answer: ReceivedMessage, ours: number): number {
  const [theirs] = answer.descriptors;
  if (theirs === undefined) return ours;
  port.descriptors.close(ours);
  return theirs;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
