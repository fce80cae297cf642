import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import { type AddOptions, SplitDriver, type SplitDriverOptions } from '../../reference-impl/virtqueue/split-driver.ts';
import type { GuestSplitRing } from '../../reference-impl/virtqueue/split-placement.ts';
import type { UsedElement } from '../../reference-impl/virtqueue/split-ring.ts';
import type { Acknowledgement, Attachment } from '../driver-port.ts';
import { DeadlineError, DriverUsageError, IutGoneError } from '../errors.ts';
import { closeFd, eventfdCreate, eventfdRead } from '../native/native.ts';
import type { VfioMapping } from '../vfio/vfio-carrier.ts';
import { deadlineIn } from '../vhost-user/message-stream.ts';
import { RingTrace } from '../vhost-user/ring-trace.ts';
import type { SessionContext } from '../vhost-user/session-context.ts';
import type { WaitSource } from '../vhost-user/wait-set.ts';

/** How a ring is notified: by a write to the region of doorbells, or by a store into its page. */
export type NotifyBy = 'write' | 'mmap';

/** What an attachment asks of the session that made it. */
export interface RingOwner {
  readonly isOpen: boolean;
  /** Puts a ring into use, or takes it out, and lets the others go on. An error number, or 0. */
  setInUse(attachment: MdevAttachment, inUse: boolean): number;
  /** The base of a ring that was taken out of use. */
  baseOf(attachment: MdevAttachment): ReturnType<Attachment['stop']>;
  /** Writes the doorbell of a queue. */
  writeDoorbell(index: number): void;
}

export interface MdevAttachmentOptions {
  readonly context: SessionContext;
  readonly owner: RingOwner;
  readonly session: number;
  readonly ring: GuestSplitRing;
  readonly index: number;
  readonly base: number;
  readonly driver: SplitDriverOptions;
  readonly hasCall: boolean;
  readonly hasKick: boolean;
  /** The page of the queue, where it is notified by a store. */
  readonly page?: VfioMapping;
}

/** A ring on one vhost-mdev session: its driver side, its interrupt and its doorbell. */
export class MdevAttachment implements Attachment, WaitSource {
  readonly ring: GuestSplitRing;
  readonly index: number;
  /** Told with the ring. */
  readonly base: number;
  readonly driver: SplitDriver;
  /** The eventfd of the interrupt; -1 where there is none. */
  readonly pollFd: number;
  /** Whether the device works on it while it runs. */
  isInUse = false;
  readonly #options: MdevAttachmentOptions;
  readonly #trace: RingTrace;
  #calls = 0;
  #isReleased = false;

  constructor(options: MdevAttachmentOptions) {
    const { context, index, ring } = options;
    this.#options = options;
    this.ring = ring;
    this.index = index;
    this.base = options.base;
    this.driver = new SplitDriver(ring, options.driver);
    this.#trace = new RingTrace(context.log, ring, index);
    this.pollFd = options.hasCall ? eventfdCreate() : -1;
    if (options.hasCall) context.waiting.set.add(this);
  }

  onReady(): void {
    const count = eventfdRead(this.pollFd);
    if (count === 0) return;
    this.#calls += count;
    this.#options.context.log.notification(1, this.#options.session, this.index, count);
  }

  makeAvailable(chains: readonly (readonly Segment[])[], options?: AddOptions): number[] {
    const heads = chains.map((chain) => {
      const head = this.driver.add(chain, options);
      if (head === 'ring-full') {
        throw new DriverUsageError(`ring ${this.index} has no room for ${chains.length} chains`);
      }
      return head;
    });
    this.driver.publish();
    return heads;
  }

  kick(): void {
    const { context, owner, session, hasKick, page } = this.#options;
    if (!hasKick) throw new DriverUsageError(`ring ${this.index} has no kick`);
    context.log.notification(0, session, this.index, 1);
    if (page === undefined) owner.writeDoorbell(this.index);
    else new DataView(page.bytes.buffer, page.bytes.byteOffset).setUint16(0, this.index, true);
  }

  kickAndWaitForUsed(count: number, deadlineMs?: number): UsedElement[] {
    this.kick();
    return this.waitForUsed(count, deadlineMs);
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

  waitForUsed(count: number, deadlineMs: number = this.#options.context.deadlineMs): UsedElement[] {
    const { driver } = this;
    const { context, owner } = this.#options;
    const elements: UsedElement[] = [];
    const reap = (): boolean => {
      while (elements.length < count) {
        const { lastUsedIdx } = driver;
        if (!driver.takeUsed()) return false;
        this.#trace.used(lastUsedIdx);
        elements.push({ id: driver.usedId, len: driver.usedLen });
      }
      return true;
    };
    if (reap()) return elements;
    context.waiting.until(() => reap() || !owner.isOpen || context.exit() !== undefined, deadlineIn(deadlineMs));
    if (reap()) return elements;
    const missing = `ring ${this.index}: ${elements.length} of ${count} used elements`;
    if (context.exit() !== undefined || !owner.isOpen) throw new IutGoneError(`${missing}, then the device was gone`);
    throw new DeadlineError(`${missing} after ${deadlineMs} ms`);
  }

  waitForCalls(count: number, deadlineMs: number = this.#options.context.deadlineMs): boolean {
    const { context } = this.#options;
    return context.waiting.until(() => this.calls() >= count, deadlineIn(deadlineMs)) || this.calls() >= count;
  }

  /** No message of vhost-mdev does this: a disabled ring is one that is out of use. */
  setEnabled(enabled: boolean): Acknowledgement {
    return { kind: 'acknowledged', value: BigInt(this.#options.owner.setInUse(this, enabled)) };
  }

  stop(): ReturnType<Attachment['stop']> {
    return this.#options.owner.baseOf(this);
  }

  /** Closes its eventfd and unmaps its page. Idempotent. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#options.page?.unmap();
    if (this.pollFd < 0) return;
    this.#options.context.waiting.set.remove(this);
    closeFd(this.pollFd);
  }
}
