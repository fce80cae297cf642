import type { DriverRingOptions, UsedElement } from '../../reference-impl/virtqueue/driver-ring.ts';
import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import { type SplitAddOptions, SplitDriver } from '../../reference-impl/virtqueue/split/driver-ring.ts';
import type { GuestSplitRing } from '../../reference-impl/virtqueue/split/guest-ring.ts';
import { DeadlineError, DriverUsageError } from '../errors.ts';
import type { ControlOutcome } from '../port/outcome.ts';
import type { Attachment, AttachOptions } from '../port/queue.ts';
import { deadlineIn } from './deadline.ts';
import { RingTrace } from './ring-trace.ts';
import type { SessionContext } from './session-context.ts';

export interface RingAttachmentOptions {
  readonly context: SessionContext;
  readonly ring: GuestSplitRing;
  readonly index: number;
  readonly driver: DriverRingOptions;
  readonly kicks: AttachOptions['kicks'];
}

/** What an attachment is on every transport: the driver's side of its ring, traced, and the waits for what is owed. */
export abstract class RingAttachment implements Attachment {
  readonly ring: GuestSplitRing;
  readonly index: number;
  readonly driver: SplitDriver;
  protected readonly context: SessionContext;
  readonly #trace: RingTrace;
  readonly #kicksWhenAsked: boolean;

  constructor({ context, ring, index, driver, kicks }: RingAttachmentOptions) {
    this.context = context;
    this.#kicksWhenAsked = kicks === 'when-asked';
    this.ring = ring;
    this.index = index;
    this.driver = new SplitDriver(ring, driver);
    this.#trace = new RingTrace(context.log, ring, index);
  }

  abstract calls(): number;
  abstract drainCalls(): number;
  abstract errors(): number;
  abstract setEnabled(enabled: boolean): ControlOutcome;
  abstract stop(): ReturnType<Attachment['stop']>;

  protected abstract notifyDevice(): void;
  /** Whether anything can still come: the session is open. */
  protected abstract get isServed(): boolean;
  /** Why nothing can come any more, as an error that begins with what is missing. */
  protected abstract endOfService(missing: string): Error;

  kick(): void {
    if (!this.#kicksWhenAsked || this.driver.needsKick()) this.notifyDevice();
  }

  makeAvailable(chains: readonly (readonly Segment[])[], options?: SplitAddOptions): number[] {
    const heads: number[] = [];
    for (const chain of chains) {
      const { nextAvailIdx } = this.driver;
      const head = this.driver.add(chain, options);
      if (head === 'ring-full') {
        throw new DriverUsageError(`ring ${this.index} has no room for ${chains.length} chains`);
      }
      this.#trace.chain(head, nextAvailIdx);
      heads.push(head);
    }
    this.driver.publish();
    this.#trace.availableIdx();
    return heads;
  }

  kickAndWaitForUsed(count: number, deadlineMs?: number): UsedElement[] {
    this.kick();
    return this.waitForUsed(count, deadlineMs);
  }

  waitForUsed(count: number, deadlineMs: number = this.context.deadlineMs): UsedElement[] {
    const { driver, context } = this;
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
    context.waiting.untilWithin(() => reap() || !this.isServed || context.exit() !== undefined, deadlineMs);
    if (reap()) return elements;
    const missing = `ring ${this.index}: ${elements.length} of ${count} used elements`;
    if (!this.isServed || context.exit() !== undefined) throw this.endOfService(missing);
    throw new DeadlineError(`${missing} after ${deadlineMs} ms`);
  }

  waitForCalls(count: number, deadlineMs: number = this.context.deadlineMs): boolean {
    const { context } = this;
    if (this.calls() >= count) return true;
    context.waiting.until(() => this.calls() >= count || context.exit() !== undefined, deadlineIn(deadlineMs));
    return this.calls() >= count;
  }
}
