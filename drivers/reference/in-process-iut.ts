import type { IutExit, IutResources } from '../port/port.ts';
import type { PortIut } from '../vhost-user/vhost-user-port.ts';
import type { InProcessCarrier } from './in-process-carrier.ts';

const exits = { abort: { signal: 'SIGABRT' }, 'bus-error': { signal: 'SIGBUS' } } as const;

const stepsToRest = 1000;

/** The reference of this very process, as though it were one of its own. */
export class InProcessIut implements PortIut {
  /** There is no process whose end could be waited for. */
  readonly pidfd = -1;
  readonly #carrier: InProcessCarrier;

  constructor(carrier: InProcessCarrier) {
    this.#carrier = carrier;
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

  /** A process of its own would have come to rest by the time somebody looks. */
  resources(): IutResources {
    for (let n = 0; n < stepsToRest && this.#carrier.step(); n++);
    return this.#carrier.backEnd.resources();
  }

  stderrTail(): string {
    return '';
  }

  restart(): void {
    this.#carrier.restart();
  }

  close(): void {
    this.#carrier.close();
  }
}
