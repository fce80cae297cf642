import type { GuestRing } from '../../reference-impl/virtqueue/ring.ts';
import { IutGoneError } from '../errors.ts';
import { closeFd, eventfdCreate, eventfdRead } from '../native/native.ts';
import { SessionQueue, type SessionQueueOptions } from './session-queue.ts';
import type { WaitSource } from './wait-set.ts';

export interface EventQueueOptions<R extends GuestRing = GuestRing> extends SessionQueueOptions<R> {
  readonly session: number;
  readonly owner: { readonly isOpen: boolean };
  readonly hasCall: boolean;
  readonly hasKick: boolean;
  /** The doorbell of the queue, where it is notified by a store. */
  readonly page?: { unmap(): void };
}

/** A ring of a device file: the device calls by an eventfd of ours. */
export abstract class EventQueue<R extends GuestRing = GuestRing> extends SessionQueue<R> implements WaitSource {
  /** The eventfd of calls; -1 where there is none. */
  readonly pollFd: number;
  protected isReleased = false;
  readonly #options: EventQueueOptions<R>;
  #calls = 0;

  constructor(options: EventQueueOptions<R>) {
    super(options);
    this.#options = options;
    this.pollFd = options.hasCall ? eventfdCreate() : -1;
    if (options.hasCall) options.context.waiting.set.add(this);
  }

  onReady(): void {
    const count = eventfdRead(this.pollFd);
    if (count === 0) return;
    this.#calls += count;
    this.context.log.notification(1, this.#options.session, this.index, count);
  }

  calls(): number {
    if (this.pollFd >= 0 && !this.isReleased) this.onReady();
    return this.#calls;
  }

  drainCalls(): number {
    const count = this.calls();
    this.#calls = 0;
    return count;
  }

  protected get isServed(): boolean {
    return this.#options.owner.isOpen;
  }

  protected endOfService(missing: string): Error {
    return new IutGoneError(`${missing}, then the device was gone`, { owesCompletion: true });
  }

  /** Closes its events and unmaps its page. Idempotent. */
  release(): void {
    if (this.isReleased) return;
    this.isReleased = true;
    this.detached();
    this.#options.page?.unmap();
    if (this.pollFd < 0) return;
    this.context.waiting.set.remove(this);
    closeFd(this.pollFd);
  }
}

/** Some devices signal once when they start. Where there was a chain already, the call may be for that. */
export function drainAtStart(queues: readonly EventQueue[]): void {
  for (const queue of queues) if (queue.driver.outstanding === 0) queue.drainCalls();
}
