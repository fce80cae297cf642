import type { DriverPort, Queue, Session } from '../../drivers/port/port.ts';
import { seenWithinMs } from '../../judging/deadline.ts';
import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import type { Check } from '../check.ts';

/** Kicks, and sees that no chain is used and no call comes. */
export function staysQuiet(
  port: DriverPort,
  session: Session,
  queue: Queue,
  check: Check,
  chain: readonly Segment[],
  when: string,
): boolean {
  // A device that polls may be done with the chain before it is kicked.
  const before = queue.usedCount();
  queue.drainCalls();
  queue.makeAvailable([chain]);
  queue.kick();
  port.until(() => queue.usedCount() !== before || queue.calls() > 0, seenWithinMs(port));
  const fence = session.fence();
  if (fence.kind !== 'passed') {
    check.failsBy(fence, `a fence behind the kick ${when}`, 'it passes');
    return false;
  }
  const isQuiet = check.equal(queue.usedCount(), before, `used idx ${when}`);
  return check.equal(queue.calls(), 0, `calls ${when}`) && isQuiet;
}
