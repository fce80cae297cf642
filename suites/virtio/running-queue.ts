import type { DeviceDriver } from '../../drivers/devices/device-driver.ts';
import {
  type Attachment,
  type AttachOptions,
  type GuestSplitRing,
  PeerProtocolError,
  type Session,
} from '../../drivers/port/port.ts';
import type { RingPlacement } from '../../reference-impl/virtqueue/ring-placement.ts';
import type { CaseContext, VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';

/** What of a case's context is needed to have a ring run on a session of its own. */
type Context<S extends Session> = Pick<CaseContext<string, VariantAxes, S>, 'connect' | 'driverOf' | 'ring'>;

export interface RunningQueue<S extends Session = Session> {
  readonly session: S;
  readonly driver: DeviceDriver;
  readonly ring: GuestSplitRing;
  readonly queue: Attachment;
}

/** A new negotiated session with a ring that runs: what every point of a sweep begins with. */
export function runningQueue<S extends Session>(
  context: Context<S>,
  options: Partial<AttachOptions> & { readonly size?: number; readonly placement?: RingPlacement } = {},
): RunningQueue<S> {
  const { size = 16, placement = 'contiguous', ...attach } = options;
  const session = context.connect('negotiated');
  const driver = context.driverOf(session);
  const ring = context.ring({ size, base: attach.base ?? 0, placement });
  return { session, driver, ring, queue: driver.attach(ring, attach) };
}

/** What the case's driver says of itself once it is negotiated, asked on a session that is closed again. */
export function askedDriver<T>(
  context: Pick<Context<Session>, 'connect' | 'driverOf'>,
  ask: (driver: DeviceDriver) => T,
): T {
  const session = context.connect('negotiated');
  const answer = ask(context.driverOf(session));
  session.close();
  return answer;
}

/**
 * A transfer on a session of its own comes to its end: whatever it carries, which is for others to judge.
 * @throws as `waitForUsed`, which makes a failure of whatever is being shown.
 */
export function servesAfresh(context: Context<Session>, check: Check, what: string): boolean {
  const { session, driver, queue } = runningQueue(context);
  if (driver.hasRequests) {
    driver.transfer(queue);
  } else {
    // Of a device whose requests we do not know: its messages are answered while the ring runs.
    const { kind } = session.fence();
    if (kind !== 'passed') throw new PeerProtocolError(`a fence on a fresh session ${what}: ${kind}`);
  }
  session.close();
  return check.holds(true, `a transfer on a fresh session ${what}`, { expected: 'it ends', actual: 'it ended' });
}
