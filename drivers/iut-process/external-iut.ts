import { DriverUsageError } from '../errors.ts';
import type { Iut, IutExit, IutResources } from '../port/port.ts';
import { isListening } from './listening-sockets.ts';
import { resourcesOf } from './process-resources.ts';
import { cpuTimeOfTreeMs, isExiting } from './process-tree.ts';

/**
 * An IUT that serves at a socket and was not started by us. Its process becomes known from the first connection
 * (SO_PEERCRED); how it ends is not ours to know.
 */
export class ExternalIut implements Iut {
  readonly socketPath: string;
  /** A process that is not our child is looked for in /proc. */
  readonly pidfd = -1;
  #pid: number | undefined;

  constructor(socketPath: string) {
    this.socketPath = socketPath;
  }

  get pid(): number {
    return this.#pid ?? -1;
  }

  /** The pid of the peer of a connection; 0 (of another pid namespace) is not one. */
  identify(pid: number): void {
    if (pid > 0) this.#pid = pid;
  }

  forgetProcess(): void {
    this.#pid = undefined;
  }

  isAlive(): boolean {
    return this.#pid === undefined || isExiting(this.#pid) ? isListening(this.socketPath) : true;
  }

  /** That its process ended, not how. */
  exit(): IutExit | undefined {
    return this.isExiting() ? {} : undefined;
  }

  isExiting(): boolean {
    return this.#pid !== undefined && isExiting(this.#pid);
  }

  waitForExit(): IutExit | undefined {
    return this.exit();
  }

  close(): void {}

  cpuTimeMs(): number | undefined {
    return this.#pid === undefined ? undefined : cpuTimeOfTreeMs(this.#pid);
  }

  resources(): IutResources | undefined {
    return this.#pid === undefined ? undefined : resourcesOf(this.#pid);
  }

  /** @throws DriverUsageError always: it is not ours to end. */
  restart(): void {
    throw new DriverUsageError(
      `the back-end at ${this.socketPath} was not started by us and cannot be restarted from here`,
    );
  }
}
