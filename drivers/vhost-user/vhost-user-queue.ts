import type { GuestRing } from '../../reference-impl/virtqueue/ring.ts';
import { requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import { decodeVringBase } from '../../reference-impl/wire/vring-base.ts';
import { DriverUsageError, IutGoneError, PeerProtocolError } from '../errors.ts';
import { describeExit } from '../iut-process/process-exit.ts';
import { closeFd, eventfdCreate, eventfdRead, eventfdWrite } from '../native/native.ts';
import type { ControlOutcome } from '../port/outcome.ts';
import type { Queue } from '../port/queue.ts';
import { SessionQueue, type SessionQueueOptions } from '../session/session-queue.ts';
import type { WaitSource } from '../session/wait-set.ts';
import type { MessageDoor } from './message-door.ts';
import { u32At } from './negotiated-words.ts';

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

export interface VhostUserQueueOptions<R extends GuestRing = GuestRing> extends SessionQueueOptions<R> {
  readonly door: MessageDoor;
  readonly session: number;
  readonly hasCall: boolean;
  readonly hasKick: boolean;
  /** Fences once for all attachments of the session, and drains them, before calls are counted. */
  readonly settle: () => void;
}

/** A ring on one vhost-user session: its eventfds, its driver side, and the messages that name it. */
export class VhostUserQueue<R extends GuestRing = GuestRing> extends SessionQueue<R> {
  /** -1 where there is none. */
  readonly kickFd: number;
  readonly #options: VhostUserQueueOptions<R>;
  readonly #call: SignalCounter | undefined;
  readonly #error: SignalCounter;
  #isBaselined = false;
  #isKicked = false;
  #isReleased = false;
  #inBandCalls = 0;

  constructor(options: VhostUserQueueOptions<R>) {
    const { context, session, index } = options;
    super(options);
    this.#options = options;
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

  protected notifyDevice(): void {
    if (this.kickFd < 0) throw new DriverUsageError(`ring ${this.index} has no kick eventfd`);
    this.#isKicked = true;
    this.#options.context.traffic?.kicking(this.kickFd);
    this.#options.context.log.notification(0, this.#options.session, this.index, 1);
    // A count that is full already, because the IUT made it so, shows the kick as well.
    if (!eventfdWrite(this.kickFd, 1)) this.#options.context.log.note(`the kick eventfd of ring ${this.index} is full`);
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

  protected get isServed(): boolean {
    return this.#options.door.isOpen;
  }

  protected endOfService(missing: string): Error {
    const { context, door } = this.#options;
    const exit = context.exit() ?? (door.isOpen ? undefined : context.exitAfterClose());
    if (exit !== undefined)
      return new IutGoneError(`${missing}, then the back-end was ${describeExit(exit)}`, { owesCompletion: true });
    return new PeerProtocolError(`${missing}, then the back-end closed the connection`);
  }

  setEnabled(enabled: boolean): ControlOutcome {
    const payload = { index: this.index, num: enabled ? 1 : 0 };
    return this.#options.door.acknowledged({ request: 'VHOST_USER_SET_VRING_ENABLE', payload });
  }

  protected stopRing(): ReturnType<Queue['stop']> {
    const { door } = this.#options;
    const answer = door.replyTo({
      request: requestId.VHOST_USER_GET_VRING_BASE,
      payload: { index: this.index, num: 0 },
    });
    if (answer.kind === 'silent') return { ...answer, isOfFence: true };
    if (answer.kind !== 'reply') return answer;
    const index = u32At(answer.message, 0);
    if (answer.message.payload.length < 8 || index !== this.index) {
      throw new PeerProtocolError(
        `GET_VRING_BASE of ring ${this.index} was answered for ring ${index} with ${answer.message.payload.length} bytes`,
      );
    }
    return { kind: 'stopped', position: decodeVringBase(this.ring.layout, u32At(answer.message, 4)) };
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
    this.detached();
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
