import type { GuestRing } from '../../reference-impl/virtqueue/ring.ts';
import { DriverUsageError } from '../errors.ts';
import type { ControlOutcome } from '../port/outcome.ts';
import type { Queue } from '../port/queue.ts';
import type { VfioMapping } from '../port/vhost-mdev-door.ts';
import { callOutcome } from '../session/call-outcome.ts';
import { EventQueue, type EventQueueOptions } from '../session/event-queue.ts';

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

export interface MdevQueueOptions<R extends GuestRing = GuestRing> extends EventQueueOptions<R> {
  readonly owner: RingOwner;
  readonly base: number;
  readonly page?: VfioMapping;
}

/** A ring on one vhost-mdev session: its driver side, its interrupt and its doorbell. */
export class MdevQueue<R extends GuestRing = GuestRing> extends EventQueue<R> {
  /** The word that tells where the ring begins. */
  readonly base: number;
  /** Whether the device works on it while it runs. */
  isInUse = false;
  readonly #options: MdevQueueOptions<R>;

  constructor(options: MdevQueueOptions<R>) {
    super(options);
    this.#options = options;
    this.base = options.base;
  }

  protected notifyDevice(): void {
    const { context, owner, session, hasKick, page } = this.#options;
    if (!hasKick) throw new DriverUsageError(`ring ${this.index} has no kick`);
    context.log.notification(0, session, this.index, 1);
    if (page === undefined) owner.writeDoorbell(this.index);
    else owner.storeDoorbell(this.index, page);
  }

  /** There is no error event in vhost-mdev. */
  errors(): number {
    return 0;
  }

  /** No message of vhost-mdev does this: a disabled ring is one that is out of use. */
  setEnabled(enabled: boolean): ControlOutcome {
    return callOutcome(this.#options.owner.setInUse(this, enabled));
  }

  protected stopRing(): ReturnType<Queue['stop']> {
    return this.#options.owner.baseOf(this);
  }
}
