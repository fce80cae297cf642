import { chainsUntraced } from '../../reference-impl/observations/trace-notes.ts';
import type { RingWatch } from '../../reference-impl/oracle/ring-watch.ts';
import type {
  AddOptions,
  DriverRing,
  DriverRingOptions,
  UsedElement,
} from '../../reference-impl/virtqueue/driver-ring.ts';
import type { GuestRing } from '../../reference-impl/virtqueue/ring.ts';
import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import { DeadlineError, DriverUsageError, PeerProtocolError } from '../errors.ts';
import type { ControlOutcome } from '../port/outcome.ts';
import type { AddOptionsOf, AttachOptions, DriverOf, Queue } from '../port/queue.ts';
import { deadlineIn } from './deadline.ts';
import { driverSide } from './driver-side.ts';
import { FrameTrace } from './frame-trace.ts';
import type { DriverSideOfSession } from './ring-features.ts';
import type { RingTrace } from './ring-trace.ts';
import type { SessionContext } from './session-context.ts';

export interface SessionQueueOptions<R extends GuestRing> {
  readonly context: SessionContext;
  readonly ring: R;
  readonly index: number;
  readonly driver: DriverRingOptions;
  /** What the session knows of all its rings. */
  readonly side: DriverSideOfSession;
  readonly kicks: AttachOptions['kicks'];
}

/** What a queue is on every transport: the driver's side of its ring, traced, and the waits for what is owed. */
export abstract class SessionQueue<R extends GuestRing = GuestRing> implements Queue<R> {
  readonly ring: R;
  readonly index: number;
  readonly driver: DriverOf<R>;
  protected readonly context: SessionContext;
  /** `driver`, as what every layout has. */
  readonly #side: DriverRing;
  readonly #trace: RingTrace;
  readonly #frames: FrameTrace | undefined;
  readonly #watch: RingWatch | undefined;
  readonly #kicksWhenAsked: boolean;
  #taken = 0;
  /** Chains that the log tells. */
  #traced = 0;
  #isNoted = false;
  /** Used elements that named no chain which was outstanding: the descriptors of its chain are not free again. */
  #strange = 0;

  constructor({ context, ring, index, driver, side: session, kicks }: SessionQueueOptions<R>) {
    this.context = context;
    this.#kicksWhenAsked = kicks === 'when-asked';
    this.ring = ring;
    this.index = index;
    this.#watch = context.oracle.watch(ring, driver.space);
    const side = driverSide(
      ring,
      index,
      context.log,
      this.#watch === undefined ? driver : { ...driver, observer: this.#watch },
    );
    this.#side = side.driver;
    // The driver side of a ring is the one of its layout.
    this.driver = side.driver as DriverOf<R>;
    this.#trace = side.trace;
    const { workload } = context.facts;
    this.#frames = FrameTrace.of(workload, index, session, context.log);
    context.oracle.attached(this.#watch, index, side.driver, workload.kind === 'net' && index % 2 === 0);
  }

  abstract calls(): number;
  abstract drainCalls(): number;
  abstract errors(): number;
  abstract setEnabled(enabled: boolean): ControlOutcome;

  stop(): ReturnType<Queue['stop']> {
    const outcome = this.stopRing();
    if (outcome.kind === 'stopped') this.context.oracle.stopped(this.#watch, this.ring, this.#side);
    return outcome;
  }

  /** Its session ended. */
  protected detached(): void {
    this.context.oracle.detached(this.#watch, this.index);
  }

  protected abstract stopRing(): ReturnType<Queue['stop']>;
  protected abstract notifyDevice(): void;
  /** Whether anything can still come: the session is open. */
  protected abstract get isServed(): boolean;
  /** Why nothing can come any more, as an error that begins with what is missing. */
  protected abstract endOfService(missing: string): Error;

  /** Who reads the log must not take a used element for one that answers to nothing. */
  #noteUntraced(): void {
    if (this.#isNoted || this.#watch === undefined || this.#watch.chainsLaid <= this.#traced) return;
    this.#isNoted = true;
    this.context.log.note(chainsUntraced);
  }

  kick(): void {
    this.#trace.kicked();
    if (!this.#kicksWhenAsked || this.#side.needsKick()) this.notifyDevice();
  }

  makeAvailable(chains: readonly (readonly Segment[])[], options?: AddOptionsOf<R>): number[] {
    const ids: number[] = [];
    this.#trace.begins();
    try {
      for (const chain of chains) {
        const id = this.#side.add(chain, options as AddOptions | undefined);
        if (id === 'ring-full') {
          throw this.#withoutRoom(chains.length);
        }
        this.#frames?.added(id, chain);
        this.#trace.chain(id);
        this.#traced++;
        ids.push(id);
      }
      this.#side.publish();
      this.#trace.published();
    } finally {
      this.#trace.ends();
    }
    return ids;
  }

  usedCount(): number {
    return this.#taken + this.#side.usedCount();
  }

  kickAndWaitForUsed(count: number, deadlineMs?: number): UsedElement[] {
    this.kick();
    return this.waitForUsed(count, deadlineMs);
  }

  waitForUsed(count: number, deadlineMs: number = this.context.deadlineMs): UsedElement[] {
    const { context } = this;
    const driver = this.#side;
    const elements: UsedElement[] = [];
    const reap = (): boolean => {
      while (elements.length < count) {
        if (!driver.takeUsed()) return false;
        this.#taken++;
        if (!driver.usedWasOutstanding) this.#strange++;
        this.#noteUntraced();
        this.#frames?.used(driver.usedId, driver.usedLen);
        this.#trace.used();
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

  #withoutRoom(chains: number): Error {
    const what = `ring ${this.index} has no room for ${chains} chains`;
    if (this.#strange === 0) return new DriverUsageError(what);
    return new PeerProtocolError(`${what}: ${this.#strange} used elements name chains that were not outstanding`);
  }

  waitForCalls(count: number, deadlineMs: number = this.context.deadlineMs): boolean {
    const { context } = this;
    if (this.calls() >= count) return true;
    context.waiting.until(() => this.calls() >= count || context.exit() !== undefined, deadlineIn(deadlineMs));
    return this.calls() >= count;
  }
}
