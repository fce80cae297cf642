import { EventLog } from '../../reference-impl/observations/event-log.ts';
import { ExternalIut } from '../iut-process/external-iut.ts';
import { checkSocketPath } from '../iut-process/iut-directory.ts';
import { IutProcess } from '../iut-process/iut-process.ts';
import { targetFacts } from '../iut-process/target-version.ts';
import { monotonicUs } from '../native/native.ts';
import { checkRecovery } from '../recovery-steps.ts';
import type { Target, TargetFacts } from '../target.ts';
import { SocketCarrier } from './socket-channel.ts';
import { VhostUserPort } from './vhost-user-port.ts';

export interface OpenTargetOptions {
  /** Under which the IUT's own directory is made; the system's temporary directory unless given. */
  readonly runDirectory?: string;
  readonly deadlineMs?: number;
  /** The log to write to: that of another port, where a case has two. A log of its own unless given. */
  readonly log?: EventLog;
  readonly parentFd?: number;
  readonly parentGone?: () => void;
  /** Facts found out before, to save asking the program for its version again. */
  readonly facts?: TargetFacts;
}

/**
 * Starts the target, where it is ours to start, and gives the port to it. Connects nothing.
 * @throws DriverUsageError for what the user can put right, IutGoneError and DeadlineError where it does not start.
 */
export function openTarget(target: Target, options: OpenTargetOptions = {}): VhostUserPort {
  const { recovery } = target;
  checkRecovery(target, recovery);
  const { runDirectory, log = new EventLog(monotonicUs), facts = targetFacts(target), ...rest } = options;
  if (target.start === undefined) {
    checkSocketPath(target.socket);
    const iut = new ExternalIut(target.socket);
    return new VhostUserPort({ ...rest, facts, log, iut, recovery, carrier: new SocketCarrier(target.socket) });
  }
  const iut = new IutProcess(target, {
    ...(runDirectory === undefined ? {} : { runDirectory }),
    listener: (state, detail) => log.observe({ kind: 'process', state, detail }),
  });
  try {
    iut.start();
    return new VhostUserPort({ ...rest, facts, log, iut, recovery, carrier: new SocketCarrier(iut.socketPath) });
  } catch (error) {
    iut.close();
    throw error;
  }
}
