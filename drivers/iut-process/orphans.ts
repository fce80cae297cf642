import { constants } from 'node:os';
import { monotonicUs, poll, reapChild, setChildSubreaper } from '../native/native.ts';
import { childrenOf } from './process-tree.ts';

const noFds = new Int32Array(0);
const noEvents = new Int16Array(0);
const withinUs = 2_000_000;
const pauseUs = 1000;
let isAdopting = false;

/** From now on processes become children of ours that descend from us and whose parent ended, in any session. */
export function adoptOrphans(): void {
  setChildSubreaper();
  isAdopting = true;
}

/**
 * Ends all children of this process but those that are kept, and what becomes a child of ours by that. No effect where
 * orphans are not adopted: then children of ours were all started on purpose. Gives up after two seconds.
 */
export function endOrphans(isKept: (pid: number) => boolean): void {
  if (!isAdopting) return;
  const deadline = monotonicUs() + withinUs;
  for (;;) {
    const orphans = childrenOf(process.pid).filter((pid) => !isKept(pid));
    for (const pid of orphans) {
      kill(pid);
      reapChild(pid);
    }
    if (orphans.length === 0 || monotonicUs() > deadline) return;
    poll(noFds, noEvents, noEvents, 0, pauseUs);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, constants.signals.SIGKILL);
  } catch {
    // It ended meanwhile, or runs as another user: then it is not ours to end.
  }
}
