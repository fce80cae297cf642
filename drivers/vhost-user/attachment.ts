import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import { type AddOptions, SplitDriver, type SplitDriverOptions } from '../../reference-impl/virtqueue/split-driver.ts';
import type { GuestSplitRing } from '../../reference-impl/virtqueue/split-placement.ts';
import type { UsedElement } from '../../reference-impl/virtqueue/split-ring.ts';
import { requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import type { Acknowledgement, Attachment } from '../driver-port.ts';
import { DeadlineError, DriverUsageError, IutGoneError, PeerProtocolError } from '../errors.ts';
import { describeExit } from '../iut-process/process-exit.ts';
import { closeFd, eventfdCreate, eventfdRead, eventfdWrite } from '../native/native.ts';
import type { MessageDoor } from './message-door.ts';
import { deadlineIn } from './message-stream.ts';
import { u32At } from './negotiated-words.ts';
import { RingTrace } from './ring-trace.ts';
import type { SessionContext } from './session-context.ts';
import type { WaitSource } from './wait-set.ts';

/** An eventfd that the IUT signals, counted as it is drained. */
class SignalCounter implements WaitSource {
  readonly pollFd = eventfdCreate();
  count = 0;
  readonly #seen: (count: number) => void;

  constructor(seen: (count: number) => void) {
    this.#seen = seen;
  }

  onReady(): void {
    const count = eventfdRead(this.pollFd);
    if (count === 0) return;
    this.count += count;
    this.#seen(count);
  }
}

export interface AttachmentOptions {
  readonly context: SessionContext;
  readonly door: MessageDoor;
  readonly session: number;
  readonly ring: GuestSplitRing;
  readonly index: number;
  readonly driver: SplitDriverOptions;
  readonly hasCall: boolean;
  readonly hasKick: boolean;
  /** Fences once for all attachments of the session, and drains them, before calls are counted. */
  readonly settle: () => void;
}

/** A ring on one vhost-user session: its eventfds, its driver side, and the messages that name it. */
export class VhostUserAttachment implements Attachment {
  readonly ring: GuestSplitRing;
  readonly index: number;
  readonly driver: SplitDriver;
  /** -1 where there is none. */
  readonly kickFd: number;
  readonly #options: AttachmentOptions;
  readonly #call: SignalCounter | undefined;
  readonly #error: SignalCounter;
  readonly #trace: RingTrace;
  #isBaselined = false;
  #isKicked = false;
  #isReleased = false;
  #inBandCalls = 0;

  constructor(options: AttachmentOptions) {
    const { context, session, index } = options;
    this.#options = options;
    this.ring = options.ring;
    this.index = index;
    this.driver = new SplitDriver(options.ring, options.driver);
    this.#trace = new RingTrace(context.log, options.ring, index);
    this.kickFd = options.hasKick ? eventfdCreate() : -1;
    if (options.hasCall) {
      this.#call = new SignalCounter((count) => context.log.notification(1, session, index, count));
      context.waiting.set.add(this.#call);
    }
    this.#error = new SignalCounter((count) => context.log.notification(2, session, index, count));
    context.waiting.set.add(this.#error);
  }

  /** -1 where there is none. */
  get callFd(): number {
    return this.#call?.pollFd ?? -1;
  }

  get errorFd(): number {
    return this.#error.pollFd;
  }

  makeAvailable(chains: readonly (readonly Segment[])[], options?: AddOptions): number[] {
    const heads = chains.map((chain) => {
      const head = this.driver.add(chain, options);
      if (head === 'ring-full')
        throw new DriverUsageError(`ring ${this.index} has no room for ${chains.length} chains`);
      return head;
    });
    this.driver.publish();
    return heads;
  }

  kick(): void {
    if (this.kickFd < 0) throw new DriverUsageError(`ring ${this.index} has no kick eventfd`);
    this.#isKicked = true;
    this.#options.context.log.notification(0, this.#options.session, this.index, 1);
    eventfdWrite(this.kickFd, 1);
  }

  kickAndWaitForUsed(count: number, deadlineMs?: number): UsedElement[] {
    this.kick();
    return this.waitForUsed(count, deadlineMs);
  }

  calls(): number {
    if (!this.#isBaselined) this.#beginCounting();
    this.#call?.onReady();
    return (this.#call?.count ?? 0) + this.#inBandCalls;
  }

  drainCalls(): number {
    const count = this.calls();
    this.#forgetCalls();
    return count;
  }

  errors(): number {
    this.#error.onReady();
    return this.#error.count;
  }

  waitForUsed(count: number, deadlineMs: number = this.#options.context.deadlineMs): UsedElement[] {
    const { driver } = this;
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
    const { context, door } = this.#options;
    context.waiting.until(() => reap() || !door.isOpen || context.exit() !== undefined, deadlineIn(deadlineMs));
    if (reap()) return elements;
    const missing = `ring ${this.index}: ${elements.length} of ${count} used elements`;
    const exit = context.exit() ?? (door.isOpen ? undefined : context.exitAfterClose());
    if (exit !== undefined) throw new IutGoneError(`${missing}, then the back-end was ${describeExit(exit)}`);
    if (!door.isOpen) throw new PeerProtocolError(`${missing}, then the back-end closed the connection`);
    throw new DeadlineError(`${missing} after ${deadlineMs} ms`);
  }

  waitForCalls(count: number, deadlineMs: number = this.#options.context.deadlineMs): boolean {
    const { context } = this.#options;
    if (this.calls() >= count) return true;
    context.waiting.until(() => this.calls() >= count || context.exit() !== undefined, deadlineIn(deadlineMs));
    return this.calls() >= count;
  }

  setEnabled(enabled: boolean): Acknowledgement {
    const payload = { index: this.index, num: enabled ? 1 : 0 };
    return this.#options.door.acknowledged({ request: 'VHOST_USER_SET_VRING_ENABLE', payload });
  }

  stop(): ReturnType<Attachment['stop']> {
    const { door } = this.#options;
    const answer = door.replyTo({
      request: requestId.VHOST_USER_GET_VRING_BASE,
      payload: { index: this.index, num: 0 },
    });
    if (answer.kind !== 'reply') return answer;
    const index = u32At(answer.message, 0);
    if (answer.message.payload.length < 8 || index !== this.index) {
      throw new PeerProtocolError(
        `GET_VRING_BASE of ring ${this.index} was answered for ring ${index} with ${answer.message.payload.length} bytes`,
      );
    }
    return { kind: 'base', base: u32At(answer.message, 4) };
  }

  /** A call or error that came as a message on the back-end channel. */
  notifiedInBand(what: 'call' | 'err'): void {
    const { context, session } = this.#options;
    context.log.notification(what === 'call' ? 1 : 2, session, this.index, 1);
    if (what === 'call') this.#inBandCalls++;
    else this.#error.count++;
  }

  /** Calls count from now on, unless a kick was given and what comes may be its call. */
  takeBaseline(): void {
    if (this.#isBaselined || this.#isKicked) return;
    this.#isBaselined = true;
    this.#call?.onReady();
    this.#forgetCalls();
  }

  /** Closes its eventfds. Idempotent. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    const { set } = this.#options.context.waiting;
    if (this.kickFd >= 0) closeFd(this.kickFd);
    for (const counter of [this.#call, this.#error]) {
      if (counter === undefined) continue;
      set.remove(counter);
      closeFd(counter.pollFd);
    }
  }

  /** Signals at the start are told from calls by what came before the first kick. */
  #beginCounting(): void {
    if (this.#isKicked) {
      throw new DriverUsageError(
        `calls of ring ${this.index} are counted from before its first kick: drainCalls() there`,
      );
    }
    this.#options.settle();
  }

  #forgetCalls(): void {
    if (this.#call !== undefined) this.#call.count = 0;
    this.#inBandCalls = 0;
  }
}
