import { openTarget } from '../drivers/open-target.ts';
import { targetByName } from '../fixtures/targets/index.ts';
import { control } from '../judging/control.ts';
import { DriverUsageError } from '../reference-impl/errors.ts';

/** Whether the reference, started afresh, completes a transfer within the deadline on this machine and now. */
export function referenceMeetsDeadline(deadlineMs: number, runDirectory: string): boolean {
  const target = targetByName('reference');
  if (target === undefined) throw new DriverUsageError('there is no target reference to compare with');
  const port = openTarget(target, { runDirectory, deadlineMs });
  try {
    const found = control(port);
    return found.kind === 'completed' && found.elapsedMs <= deadlineMs;
  } finally {
    port.close();
  }
}
