import type { Queue } from '../../drivers/port/port.ts';
import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import type { Check } from '../check.ts';

/** Requests that wait at once on the queue that is kept full. */
const waiting = 8;
/** So many of them come back while one waits elsewhere: far more than a device serves of one queue at a time. */
const most = 1024;
/** How often that has to come: a thread that serves the other queue may not run for a while. */
const tries = 3;

interface BesideFullQueue {
  /** The queue that is kept full, and its requests. */
  readonly busy: Queue;
  readonly filling: () => readonly Segment[];
  /** The queue on which one request waits meanwhile. */
  readonly other: Queue;
  readonly request: () => readonly Segment[];
}

/**
 * Keeps a queue full until the request of another queue is used, and says in the check whether it was.
 * @param words what the other requests are, and what is left alone in the end.
 * @throws as `waitForUsed`
 */
export function servedBesideFull(
  check: Check,
  beside: BesideFullQueue,
  what: string,
  words: { readonly expected: string; readonly actual: string },
): void {
  let isServed = false;
  for (let n = 0; n < tries && !isServed; n++) isServed = isServedOnce(beside);
  check.holds(isServed, what, {
    expected: `used before ${most} ${words.expected} are`,
    actual: `it waits until ${words.actual} is left alone, ${tries} times`,
  });
}

function isServedOnce({ busy, filling, other, request }: BesideFullQueue): boolean {
  const requests = new Map<number, readonly Segment[]>();
  const add = (segments: readonly Segment[]): void => {
    for (const head of busy.makeAvailable([segments])) requests.set(head, segments);
    busy.kick();
  };
  for (let n = 0; n < waiting; n++) add(filling());
  const before = other.usedCount();
  other.makeAvailable([request()]);
  other.kick();
  for (let done = 0; done < most && other.usedCount() === before; done++) {
    for (const { id } of busy.waitForUsed(1)) add(requests.get(id) ?? []);
  }
  const isServed = other.usedCount() !== before;
  busy.waitForUsed(waiting);
  other.waitForUsed(1);
  return isServed;
}
