import type { UsedElement } from '../../reference-impl/virtqueue/driver-ring.ts';
import type { GuestRing } from '../../reference-impl/virtqueue/ring.ts';
import { DriverUsageError } from '../errors.ts';
import type { ControlOutcome } from '../port/outcome.ts';
import type { Queue } from '../port/queue.ts';
import { EventQueue, type EventQueueOptions } from '../session/event-queue.ts';

/** What a queue asks of the session that made it. */
export interface RingOwner {
  readonly isOpen: boolean;
  /** Has the device run, if nothing else decides on that. */
  run(): ControlOutcome;
  notify(queue: PciQueue): void;
  setEnabled(queue: PciQueue, enabled: boolean): ControlOutcome;
  /** Takes a ring out of use. */
  stopRing(queue: PciQueue): ReturnType<Queue['stop']>;
  /** Signals of the vector that a queue shares with others. */
  readonly sharedSignals: number;
}

export interface PciQueueOptions<R extends GuestRing = GuestRing> extends EventQueueOptions<R> {
  readonly owner: RingOwner;
  /** It is called by a vector that is not its own. */
  readonly isShared: boolean;
}

/** A ring on one virtio-pci session: its driver side and its interrupt. */
export class PciQueue<R extends GuestRing = GuestRing> extends EventQueue<R> {
  readonly #options: PciQueueOptions<R>;
  #sharedBefore: number;

  constructor(options: PciQueueOptions<R>) {
    super({ ...options, hasCall: options.hasCall && !options.isShared });
    this.#options = options;
    this.#sharedBefore = options.owner.sharedSignals;
  }

  protected notifyDevice(): void {
    const { context, owner, session, hasKick } = this.#options;
    if (!hasKick) throw new DriverUsageError(`ring ${this.index} has no kick`);
    owner.run();
    context.log.notification(0, session, this.index, 1);
    owner.notify(this);
  }

  override waitForUsed(count: number, deadlineMs?: number): UsedElement[] {
    this.#options.owner.run();
    return super.waitForUsed(count, deadlineMs);
  }

  override waitForCalls(count: number, deadlineMs?: number): boolean {
    this.#options.owner.run();
    return super.waitForCalls(count, deadlineMs);
  }

  override calls(): number {
    const { isShared, hasCall, owner } = this.#options;
    return isShared && hasCall ? owner.sharedSignals - this.#sharedBefore : super.calls();
  }

  override drainCalls(): number {
    const count = this.calls();
    this.#sharedBefore = this.#options.owner.sharedSignals;
    super.drainCalls();
    return count;
  }

  /** There is no error event over PCI. */
  errors(): number {
    return 0;
  }

  setEnabled(enabled: boolean): ControlOutcome {
    return this.#options.owner.setEnabled(this, enabled);
  }

  protected stopRing(): ReturnType<Queue['stop']> {
    return this.#options.owner.stopRing(this);
  }
}
