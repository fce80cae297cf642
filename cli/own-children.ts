import type { ChildProcess } from 'node:child_process';
import { adoptOrphans, endOrphans } from '../drivers/iut-process/orphans.ts';

/** Pids of the processes that this one started on purpose and that run. */
const own = new Set<number>();

/** Counts a child process as ours until it ends. */
export function ownChild<C extends ChildProcess>(child: C): C {
  const { pid } = child;
  if (pid === undefined) return child;
  adoptOrphans();
  own.add(pid);
  child.once('exit', () => own.delete(pid));
  return child;
}

/** Ends what children of ours started and left behind, in any session. */
export function endLeftBehind(): void {
  endOrphans((pid) => own.has(pid));
}
