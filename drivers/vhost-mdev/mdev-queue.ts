import type { GuestRing } from '../../reference-impl/virtqueue/ring.ts';
import { DriverUsageError, IutGoneError } from '../errors.ts';
import { closeFd, eventfdCreate, eventfdRead } from '../native/native.ts';
import type { ControlOutcome } from '../port/outcome.ts';
import type { Queue } from '../port/queue.ts';
import type { VfioMapping } from '../port/vhost-mdev-door.ts';
import { SessionQueue, type SessionQueueOptions } from '../session/session-queue.ts';
import type { WaitSource } from '../session/wait-set.ts';
import { callOutcome } from './call-outcome.ts';

/** How a ring is notified: by a write to the region of doorbells, or by a store into its page. */
export type NotifyBy = 'write' | 'mmap';

/** What an queue asks of the session that made it. */
export interface RingOwner {
  readonly isOpen: boolean;
  /** Puts a ring into use, or takes it out, and lets the others go on. An error number, or 0. */
  setInUse(queue: MdevQueue, inUse: boolean): number;
  /** The base of a ring that was taken out of use. */
  baseOf(queue: MdevQueue): ReturnType<Queue['stop']>;
  /** Writes the doorbell of a queue. */
  writeDoorbell(index: number): void;
  /** Stores into the mapped page of a queue. */
  storeDoorbell(index: number, page: VfioMapping): void;
}

export interface MdevQueueOptions<R extends GuestRing = GuestRing> extends SessionQueueOptions<R> {
  readonly owner: RingOwner;
  readonly session: number;
  readonly base: number;
  readonly hasCall: boolean;
  readonly hasKick: boolean;
  /** The page of the queue, where it is notified by a store. */
  readonly page?: VfioMapping;
}

/** A ring on one vhost-mdev session: its driver side, its interrupt and its doorbell. */
export class MdevQueue<R extends GuestRing = GuestRing> extends SessionQueue<R> implements WaitSource {
  /** The word that tells where the ring begins. */
  readonly base: number;
  /** The eventfd of the interrupt; -1 where there is none. */
  readonly pollFd: number;
  /** Whether the device works on it while it runs. */
  isInUse = false;
  readonly #options: MdevQueueOptions<R>;
  #calls = 0;
  #isReleased = false;

  constructor(options: MdevQueueOptions<R>) {
    super(options);
    const { context } = options;
    this.#options = options;
    this.base = options.base;
    this.pollFd = options.hasCall ? eventfdCreate() : -1;
    if (options.hasCall) context.waiting.set.add(this);
  }

  onReady(): void {
    const count = eventfdRead(this.pollFd);
    if (count === 0) return;
    this.#calls += count;
    this.#options.context.log.notification(1, this.#options.session, this.index, count);
  }

  protected notifyDevice(): void {
    const { context, owner, session, hasKick, page } = this.#options;
    if (!hasKick) throw new DriverUsageError(`ring ${this.index} has no kick`);
    context.log.notification(0, session, this.index, 1);
    if (page === undefined) owner.writeDoorbell(this.index);
    else owner.storeDoorbell(this.index, page);
  }

  calls(): number {
    if (this.pollFd >= 0 && !this.#isReleased) this.onReady();
    return this.#calls;
  }

  drainCalls(): number {
    const count = this.calls();
    this.#calls = 0;
    return count;
  }

  /** There is no error event in vhost-mdev. */
  errors(): number {
    return 0;
  }

  protected get isServed(): boolean {
    return this.#options.owner.isOpen;
  }

  protected endOfService(missing: string): Error {
    return new IutGoneError(`${missing}, then the device was gone`);
  }

  /** No message of vhost-mdev does this: a disabled ring is one that is out of use. */
  setEnabled(enabled: boolean): ControlOutcome {
    return callOutcome(this.#options.owner.setInUse(this, enabled));
  }

  protected stopRing(): ReturnType<Queue['stop']> {
    return this.#options.owner.baseOf(this);
  }

  /** Closes its eventfd and unmaps its page. Idempotent. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.detached();
    this.#options.page?.unmap();
    if (this.pollFd < 0) return;
    this.#options.context.waiting.set.remove(this);
    closeFd(this.pollFd);
  }
}
