import assert from 'node:assert/strict';
import { processTree } from '../iut-process/process-tree.ts';
import { findCommand } from '../iut-process/target-version.ts';
import type { VhostUserSession } from '../port/port.ts';
import type { Target } from '../target.ts';
import { openSocketTarget } from '../vhost-user/open-socket-target.ts';
import type { VhostUserPort } from '../vhost-user/vhost-user-port.ts';

/** Why a test of this target cannot run here; false where it can. */
export function skipWithout(target: Target): string | false {
  const command = target.start?.command ?? '';
  return findCommand(command) === undefined && `${command} is not installed (${target.packages?.join(' or ')})`;
}

interface Test {
  teardown(handler: () => void): void;
}

export interface RunningTarget {
  readonly port: VhostUserPort;
  /** The process that was started last. */
  pid(): number;
}

/** Starts the target for one test; nothing of it is left when the test ends, however it ends. */
export function running(test: Test, target: Target<'unix-socket'>): RunningTarget {
  const port = openSocketTarget(target, { facts: { ...target.facts, version: 'not asked' } });
  const pid = (): number => {
    const started = port.log.events().findLast((event) => event.kind === 'process' && event.state === 'started');
    return Number(started?.kind === 'process' && /pid (\d+)/.exec(started.detail)?.[1]);
  };
  const last = pid();
  test.teardown(() => {
    port.close();
    assert.deepEqual(processTree(last), [], 'no process is left');
  });
  return { port, pid };
}

export function connected(port: VhostUserPort): VhostUserSession {
  const connection = port.connect();
  if (connection.kind === 'refused') throw new Error(connection.why);
  return connection.session;
}
