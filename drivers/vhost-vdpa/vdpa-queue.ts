import type { UsedElement } from '../../reference-impl/virtqueue/driver-ring.ts';
import type { GuestRing } from '../../reference-impl/virtqueue/ring.ts';
import { DriverUsageError } from '../errors.ts';
import { closeFd, eventfdCreate, eventfdRead, eventfdWrite } from '../native/native.ts';
import type { ControlOutcome } from '../port/outcome.ts';
import type { Queue } from '../port/queue.ts';
import type { VdpaMapping } from '../port/vhost-vdpa-door.ts';
import { EventQueue, type EventQueueOptions } from '../session/event-queue.ts';

/** What a queue asks of the session that made it. */
export interface RingOwner {
  readonly isOpen: boolean;
  /** Has the device run, if nothing else decides on that. */
  run(): ControlOutcome;
  /** The same ahead of a kick. */
  beforeKick(): void;
  setEnabled(queue: VdpaQueue, enabled: boolean): ControlOutcome;
  /** Takes a ring out of use; where it stopped. */
  stopRing(queue: VdpaQueue): ReturnType<Queue['stop']>;
  /** Stores into the doorbell of a queue. */
  storeDoorbell(index: number, page: VdpaMapping): void;
}

export interface VdpaQueueOptions<R extends GuestRing = GuestRing> extends EventQueueOptions<R> {
  readonly owner: RingOwner;
  readonly page?: VdpaMapping;
}

/** A ring on one vhost-vdpa session: its driver side and its events. */
export class VdpaQueue<R extends GuestRing = GuestRing> extends EventQueue<R> {
  readonly kickFd: number;
  readonly errFd: number;
  readonly #options: VdpaQueueOptions<R>;
  #errors = 0;

  constructor(options: VdpaQueueOptions<R>) {
    super(options);
    const { hasKick, page } = options;
    this.#options = options;
    this.kickFd = hasKick && page === undefined ? eventfdCreate() : -1;
    this.errFd = eventfdCreate();
  }

  protected notifyDevice(): void {
    const { context, owner, session, hasKick, page } = this.#options;
    if (!hasKick) throw new DriverUsageError(`ring ${this.index} has no kick`);
    owner.beforeKick();
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

  errors(): number {
    if (!this.isReleased) this.#errors += eventfdRead(this.errFd);
    return this.#errors;
  }

  setEnabled(enabled: boolean): ControlOutcome {
    return this.#options.owner.setEnabled(this, enabled);
  }

  protected stopRing(): ReturnType<Queue['stop']> {
    return this.#options.owner.stopRing(this);
  }

  override release(): void {
    if (this.isReleased) return;
    super.release();
    for (const fd of [this.kickFd, this.errFd]) if (fd >= 0) closeFd(fd);
  }
}
