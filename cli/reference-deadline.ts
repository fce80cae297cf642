import { openSocketTarget } from '../drivers/vhost-user/open-socket-target.ts';
import { reference } from '../fixtures/targets/reference.ts';
import { control } from '../judging/control.ts';

/** Whether the reference, started afresh, completes a transfer within the deadline on this machine and now. */
export function referenceMeetsDeadline(deadlineMs: number, runDirectory: string): boolean {
  const port = openSocketTarget(reference, {
    facts: { ...reference.facts, version: 'not asked' },
    runDirectory,
    deadlineMs,
  });
  try {
    const found = control(port);
    return found.kind === 'completed' && found.elapsedMs <= deadlineMs;
  } finally {
    port.close();
  }
}
