import type { DeviceDriver } from '../../drivers/devices/device-driver.ts';
import type { DriverPort, GuestSplitRing, VhostUserSession } from '../../drivers/port/port.ts';
import { splitPosition } from '../../reference-impl/virtqueue/ring.ts';
import type { CaseContext, VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';
import { describedBy, getInflight, type InflightDescription, InflightQueue, setInflight } from './inflight-buffer.ts';
import { RingByHand } from './ring-by-hand.ts';

/** Entries of rings whose requests in flight are recorded. */
export const queueSize = 16;

export interface InflightMemory {
  readonly description: InflightDescription;
  readonly fd: number;
}

/** GET_INFLIGHT_FD, or a recorded failure and undefined. */
export function fetched(
  session: VhostUserSession,
  check: Check,
  numQueues: number,
  size = queueSize,
): InflightMemory | undefined {
  const reply = check.reply(session.messages.exchange(getInflight(numQueues, size)), 'GET_INFLIGHT_FD');
  const description = describedBy(reply);
  const [fd] = reply.descriptors;
  const isWhole = description !== undefined && fd !== undefined && reply.descriptors.length === 1;
  check.holds(isWhole, 'the reply to GET_INFLIGHT_FD', {
    expected: '20 or 24 bytes and one descriptor',
    actual: `${reply.payload.length} bytes and ${reply.descriptors.length} descriptors`,
  });
  return isWhole ? { description, fd } : undefined;
}

/** A buffer that the back-end made and was told of again, with a ring ready to be started. */
export interface Tracked extends InflightMemory {
  readonly region: InflightQueue;
  readonly hand: RingByHand<GuestSplitRing>;
}

export interface TrackingContext {
  readonly port: DriverPort<VhostUserSession>;
  readonly driver: DeviceDriver;
  readonly ring: CaseContext<string, VariantAxes, VhostUserSession, GuestSplitRing>['ring'];
}

export function tracked(
  { port, driver, ring }: TrackingContext,
  session: VhostUserSession,
  check: Check,
  base = 0,
): Tracked | undefined {
  const index = driver.queueIndex;
  const buffer = fetched(session, check, index + 1);
  if (buffer === undefined) return undefined;
  check.accepted(session.messages.acknowledged(setInflight(buffer.description, [buffer.fd])), 'SET_INFLIGHT_FD');
  driver.companions();
  const vring = ring({ size: queueSize, position: splitPosition(base) });
  const hand = new RingByHand(port, session, vring, { index });
  return { ...buffer, hand, region: new InflightQueue(port, buffer.fd, buffer.description, index) };
}

/** Starts the ring and has `count` chains used, one after the other: their heads. */
export function used(hand: RingByHand, driver: DeviceDriver, check: Check, count: number): number[] | undefined {
  hand.tell('num', 'base', 'addresses', 'call', 'error', 'kick', 'enable');
  const heads: number[] = [];
  for (let seed = 1; seed <= count; seed++) {
    heads.push(...hand.makeAvailable(driver.request({ seed }).segments));
    hand.kick();
    if (hand.waitForUsed(check, 1, `chain ${seed}`) === undefined) return undefined;
  }
  return heads;
}
