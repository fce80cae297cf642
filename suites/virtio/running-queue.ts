import type { Workload } from '../../drivers/devices/workload.ts';
import type { Attachment, AttachOptions, Guest, GuestSplitRing, Session } from '../../drivers/port/port.ts';
import type { RingPlacement } from '../../reference-impl/virtqueue/split/guest-ring.ts';
import type { Check } from '../check.ts';

/** What of a case's context is needed to have a ring run on a session of its own. */
interface Context<S extends Session> {
  readonly guest: Guest;
  readonly workload: Workload;
  connect(start: 'connected' | 'negotiated'): S;
}

export interface RunningQueue<S extends Session = Session> {
  readonly session: S;
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
  const ring = context.guest.splitRing({ size, base: attach.base ?? 0, placement });
  return { session, ring, queue: context.workload.attach(session, ring, attach) };
}

/**
 * A transfer on a session of its own comes to its end: whatever it carries, which is for others to judge.
 * @throws as `waitForUsed`, which makes a failure of whatever is being shown.
 */
export function servesAfresh(context: Context<Session>, check: Check, what: string): boolean {
  const { session, queue } = runningQueue(context);
  context.workload.transfer(queue);
  session.close();
  return check.holds(true, `a transfer on a fresh session ${what}`, { expected: 'it ends', actual: 'it ended' });
}
