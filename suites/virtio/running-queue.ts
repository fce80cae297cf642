import type { Attachment, AttachOptions, Guest, GuestSplitRing, Session } from '../../drivers/driver-port.ts';
import type { RingPlacement } from '../../reference-impl/virtqueue/split-placement.ts';
import type { Check } from '../check.ts';
import type { Workload } from '../workload/workload.ts';

/** What of a case's context is needed to have a ring run on a session of its own. */
interface Context {
  readonly guest: Guest;
  readonly workload: Workload;
  connect(start: 'connected' | 'negotiated'): Session;
}

export interface RunningQueue {
  readonly session: Session;
  readonly ring: GuestSplitRing;
  readonly queue: Attachment;
}

/** A new negotiated session with a ring that runs: what every point of a sweep begins with. */
export function runningQueue(
  context: Context,
  options: Partial<AttachOptions> & { readonly size?: number; readonly placement?: RingPlacement } = {},
): RunningQueue {
  const { size = 16, placement = 'contiguous', ...attach } = options;
  const session = context.connect('negotiated');
  const ring = context.guest.splitRing({ size, base: attach.base ?? 0, placement });
  return { session, ring, queue: context.workload.attach(session, ring, attach) };
}

/** Data there and back on a session of its own: what was wrong is a failure of the check. */
export function servesAfresh(context: Context, check: Check, what: string): boolean {
  const { session, queue } = runningQueue(context);
  const problem = context.workload.transfer(queue);
  session.close();
  return check.equal(problem, undefined, `what is wrong with a transfer on a fresh session ${what}`);
}
