import { EventLog } from '../../reference-impl/observations/event-log.ts';
import { ExternalIut } from '../iut-process/external-iut.ts';
import { checkSocketPath } from '../iut-process/iut-directory.ts';
import { IutProcess } from '../iut-process/iut-process.ts';
import { StartedProgram } from '../iut-process/started-program.ts';
import { targetVersion } from '../iut-process/target-version.ts';
import type { TargetFacts } from '../port/target-facts.ts';
import { eventClock } from '../session/deadline.ts';
import type { Target } from '../target.ts';
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
  /** Of the program that is started, found out before: it takes a while, and a run starts a program often. */
  readonly binaryHash?: string;
  /** Facts found out before, to save asking the program for its version again. */
  readonly facts?: TargetFacts;
}

/**
 * Starts the target, where it is ours to start, and gives the port to it. Connects nothing.
 * @throws DriverUsageError for what the user can put right, IutGoneError and DeadlineError where it does not start.
 */
export function openSocketTarget(target: Target<'unix-socket'>, options: OpenTargetOptions = {}): VhostUserPort {
  const { recovery } = target;
  const { runDirectory, log = new EventLog(eventClock), binaryHash, ...rest } = options;
  const facts = options.facts ?? {
    ...target.facts,
    version: targetVersion(target),
    ...(binaryHash === undefined ? {} : { binaryHash }),
  };
  if (target.start === undefined) {
    const { socket } = target.reach;
    checkSocketPath(socket);
    const iut = new ExternalIut(socket);
    return new VhostUserPort({ ...rest, facts, log, iut, recovery, carrier: new SocketCarrier(socket) });
  }
  const iut = new IutProcess(target, {
    ...(runDirectory === undefined ? {} : { runDirectory }),
    listener: (state, detail) => log.observe({ kind: 'process', state, detail }),
  });
  try {
    iut.start();
    const program = new StartedProgram(target.start);
    const carrier = new SocketCarrier(iut.socketPath);
    const operator = target.start.changeConfig === undefined ? {} : { operator: iut };
    return new VhostUserPort({ ...rest, ...operator, facts, log, iut, recovery, carrier, program });
  } catch (error) {
    iut.close();
    throw error;
  }
}
