import type { UsedElement } from '../../reference-impl/virtqueue/driver-ring.ts';
import type { GuestRing } from '../../reference-impl/virtqueue/ring.ts';
import { DriverUsageError, IutGoneError } from '../errors.ts';
import { closeFd, eventfdCreate, eventfdRead, eventfdWrite } from '../native/native.ts';
import type { ControlOutcome } from '../port/outcome.ts';
import type { Queue } from '../port/queue.ts';
import type { VdpaMapping } from '../port/vhost-vdpa-door.ts';
import { SessionQueue, type SessionQueueOptions } from '../session/session-queue.ts';
import type { WaitSource } from '../session/wait-set.ts';

/** What a queue asks of the session that made it. */
export interface RingOwner {
  readonly isOpen: boolean;
  /** Has the device run, if nothing else decides on that. */
  run(): ControlOutcome;
  setEnabled(queue: VdpaQueue, enabled: boolean): ControlOutcome;
  /** Takes a ring out of use; where it stopped. */
  stopRing(queue: VdpaQueue): ReturnType<Queue['stop']>;
  /** Stores into the doorbell of a queue. */
  storeDoorbell(index: number, page: VdpaMapping): void;
}

export interface VdpaQueueOptions<R extends GuestRing = GuestRing> extends SessionQueueOptions<R> {
  readonly owner: RingOwner;
  readonly session: number;
  readonly hasCall: boolean;
  readonly hasKick: boolean;
  /** The doorbell of the queue, where it is notified by a store. */
  readonly page?: VdpaMapping;
}

/** A ring on one vhost-vdpa session: its driver side and its events. */
export class VdpaQueue<R extends GuestRing = GuestRing> extends SessionQueue<R> implements WaitSource {
  /** The eventfd of calls; -1 where there is none. */
  readonly pollFd: number;
  readonly kickFd: number;
  readonly errFd: number;
  readonly #options: VdpaQueueOptions<R>;
  #calls = 0;
  #errors = 0;
  #isReleased = false;

  constructor(options: VdpaQueueOptions<R>) {
    super(options);
    const { context, hasCall, hasKick, page } = options;
    this.#options = options;
    this.pollFd = hasCall ? eventfdCreate() : -1;
    this.kickFd = hasKick && page === undefined ? eventfdCreate() : -1;
    this.errFd = eventfdCreate();
    if (hasCall) context.waiting.set.add(this);
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
    owner.run();
    context.log.notification(0, session, this.index, 1);
    if (page !== undefined) owner.storeDoorbell(this.index, page);
    else eventfdWrite(this.kickFd);
  }

  override waitForUsed(count: number, deadlineMs?: number): UsedElement[] {
    this.#options.owner.run();
    return super.waitForUsed(count, deadlineMs);
  }

  override waitForCalls(count: number, deadlineMs?: number): boolean {
    this.#options.owner.run();
    return super.waitForCalls(count, deadlineMs);
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

  errors(): number {
    if (!this.#isReleased) this.#errors += eventfdRead(this.errFd);
    return this.#errors;
  }

  protected get isServed(): boolean {
    return this.#options.owner.isOpen;
  }

  protected endOfService(missing: string): Error {
    return new IutGoneError(`${missing}, then the device was gone`);
  }

  setEnabled(enabled: boolean): ControlOutcome {
    return this.#options.owner.setEnabled(this, enabled);
  }

  protected stopRing(): ReturnType<Queue['stop']> {
    return this.#options.owner.stopRing(this);
  }

  /** Closes its events and unmaps its page. Idempotent. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.detached();
    this.#options.page?.unmap();
    if (this.pollFd >= 0) this.#options.context.waiting.set.remove(this);
    for (const fd of [this.pollFd, this.kickFd, this.errFd]) if (fd >= 0) closeFd(fd);
  }
}
