import type { DriverPort } from '../drivers/port/port.ts';

/** An eventfd of the case's own. */
export class CountedEvent {
  readonly fd: number;
  readonly #port: DriverPort;

  constructor(port: DriverPort) {
    this.#port = port;
    this.fd = port.descriptors.eventfd();
  }

  /** Signals since the last look. */
  take(): number {
    return this.#port.descriptors.read(this.fd);
  }

  /** Waits for a signal: how many there were, 0 where none came before the deadline. */
  wait(deadlineMs = this.#port.deadlineMs): number {
    let count = 0;
    this.#port.until(() => {
      count += this.take();
      return count > 0;
    }, deadlineMs);
    return count;
  }

  close(): void {
    this.#port.descriptors.close(this.fd);
  }
}
