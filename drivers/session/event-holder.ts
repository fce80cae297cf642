import { readlinkSync } from 'node:fs';
import { closeFd, dupFd, eventfdRead, eventfdWrite } from '../native/native.ts';

/** An event descriptor as a device of this process holds it. */
export type EventToken = number;

const eventfdLink = 'anon_inode:[eventfd]';

const linkOf = (fd: number): string | undefined => {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined;
  }
};

/**
 * Eventfds that a device of this process was given: descriptors of its own, as the kernel holds the event and not the
 * user's number for it, which may name something else by now.
 */
export class EventHolder {
  readonly #held = new Set<EventToken>();

  get size(): number {
    return this.#held.size;
  }

  /** Undefined for what is not an eventfd. */
  hold(descriptor: number): EventToken | undefined {
    if (linkOf(descriptor) !== eventfdLink) return undefined;
    const token = dupFd(descriptor);
    this.#held.add(token);
    return token;
  }

  /** Without a token it has no effect. */
  release(token: EventToken | undefined): void {
    if (token !== undefined && this.#held.delete(token)) closeFd(token);
  }

  /** A full count stays full: its reader has a signal waiting. */
  signal(token: EventToken): void {
    eventfdWrite(token, 1);
  }

  /** Whether it was signalled since the last look. */
  take(token: EventToken): boolean {
    return eventfdRead(token) > 0;
  }

  releaseAll(): void {
    for (const token of [...this.#held]) this.release(token);
  }
}
