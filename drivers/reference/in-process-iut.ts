import type { Breakdown } from '../../reference-impl/vhost-user/back-end-edge.ts';
import type { IutExit, IutResources } from '../port/port.ts';
import type { PortIut } from '../vhost-user/vhost-user-port.ts';

/** What carries sessions to a reference of this process. */
export interface BreakableCarrier {
  /** How a fault ended it; undefined while it serves. */
  readonly brokenDown: Breakdown | undefined;
  restart(): void;
  close(): void;
}

const exits = { abort: { signal: 'SIGABRT' }, 'bus-error': { signal: 'SIGBUS' }, exit: { code: 1 } } as const;

/** The reference in this process, over any carrier, as though it were a process of its own. */
export class InProcessIut implements PortIut {
  /** There is no process whose end could be waited for. */
  readonly pidfd = -1;
  readonly resources: () => IutResources;
  readonly #carrier: BreakableCarrier;

  constructor(carrier: BreakableCarrier, resources: () => IutResources) {
    this.#carrier = carrier;
    this.resources = resources;
  }

  isAlive(): boolean {
    return this.exit() === undefined;
  }

  exit(): IutExit | undefined {
    const how = this.#carrier.brokenDown;
    return how === undefined || how === 'hang' ? undefined : exits[how];
  }

  isExiting(): boolean {
    return !this.isAlive();
  }

  waitForExit(): IutExit | undefined {
    return this.exit();
  }

  identify(): void {}

  cpuTimeMs(): number {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  }

  restart(): void {
    this.#carrier.restart();
  }

  close(): void {
    this.#carrier.close();
  }
}
