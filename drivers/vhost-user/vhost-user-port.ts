import { DriverUsageError, isOfIut } from '../errors.ts';
import { describeExit } from '../iut-process/process-exit.ts';
import type { BackEndProgram, Iut, IutExit, Operator } from '../port/port.ts';
import type { TrafficObserver } from '../port/traffic.ts';
import { deadlineIn } from '../session/deadline.ts';
import { SessionPort, type SessionPortOptions } from '../session/session-port.ts';
import type { WaitSource } from '../session/wait-set.ts';
import { Waiting } from '../session/waiting.ts';
import type { Carrier } from './channel.ts';
import { ObservedChannel } from './observed-channel.ts';
import { FrontEndSession } from './vhost-user-session.ts';

/** What the port needs to know of the IUT's process, beyond `Iut`. */
export interface PortIut extends Iut {
  /** Readable when the process ended; -1 where there is none of ours. Changes with each restart. */
  readonly pidfd: number;
  /** Whether the process is about to end. */
  isExiting(): boolean;
  waitForExit(deadlineMs: number): IutExit | undefined;
  /** A connection is open, and this process serves it. */
  identify(pid: number): void;
  /** Another process may serve than the one that was known. Absent where the process is ours. */
  forgetProcess?(): void;
  /** The front-end is about to close the connection. Absent where the end of a process is not ours to judge by it. */
  left?(): void;
  /** Each process ends with its connection, as the target says, or as was learned. */
  readonly endsWithConnection?: boolean;
  /** Its target does not say how long a process serves. Absent where the process is not ours. */
  readonly isLifetimeUnsaid?: boolean;
  /** From now on each process ends with its connection. */
  learnEndWithConnection?(): void;
  /** The process serves no further connection: it ends, or has ended, with the one that it had. */
  readonly isUsedUp?: boolean;
  /** Ends the process if it is ours, and gives everything back. */
  close(): void;
}

export interface VhostUserPortOptions extends SessionPortOptions {
  readonly carrier: Carrier;
  readonly iut: PortIut;
  readonly program?: BackEndProgram;
  readonly operator?: Operator;
  /** The read end of a pipe whose other end the parent holds; its hang-up ends this process. */
  readonly parentFd?: number;
  /** What to do at that hang-up after everything is given back; ends the process with 3 unless given. */
  readonly parentGone?: () => void;
}

const exitWithinMs = 5000;
/** A process that closed a connection and was found dead so soon had begun to end. */
const endsBehindCloseMs = 500;
/** How long the end of a process may take that closes its connections first. */
const endBehindCloseWithinMs = 50;
/** So many closes in a row without an end show that the end behind one was chance. */
const closesWithoutEnd = 4;
/** How soon a back-end that serves one connection closes another. */
const turnedAwayWithinMs = 50;

/** How a further connection is taken: by the socket that took the one before, or by one that is bound anew. */
type Reconnection = 'unknown' | 'at-once' | 'bound-anew';

/** The vhost-user driver: sessions over any carrier of their bytes. */
export class VhostUserPort extends SessionPort<FrontEndSession> {
  readonly program?: BackEndProgram;
  readonly operator?: Operator;
  readonly #carrier: Carrier;
  readonly #iut: PortIut;
  #death: WaitSource | undefined;
  #exit: IutExit | undefined;
  #reconnection: Reconnection = 'unknown';
  /** The listening socket that took the last connection. */
  #listener: string | undefined;
  #turnsOthersAway = false;
  traffic: TrafficObserver | undefined;
  /** When the IUT last closed a connection and did not end, in milliseconds. */
  #closedAtMs = Number.NEGATIVE_INFINITY;
  /** Closes behind which its end is waited for, since it was seen to end a moment after one. */
  #endsAwaited = 0;

  constructor(options: VhostUserPortOptions) {
    const { carrier } = options;
    super(options, new Waiting(carrier.step?.bind(carrier), carrier.takeSignalled?.bind(carrier)));
    this.#carrier = carrier;
    this.#iut = options.iut;
    if (options.operator !== undefined) this.operator = options.operator;
    if (options.program !== undefined) this.program = options.program;
    if (options.parentFd !== undefined) this.#watchParent(options.parentFd, options.parentGone);
    this.#watchProcess();
  }

  protected open(id: number): ReturnType<SessionPort<FrontEndSession>['open']> {
    const unready = this.#processForConnection();
    if (unready !== undefined) return { kind: 'refused', why: unready };
    if (this.#reconnection === 'bound-anew') {
      // One that was not there when its inode was read would be taken for the next one as well.
      this.#awaitListener((inode) => inode !== undefined && inode !== this.#listener);
    }
    const connection = this.#connected();
    if (connection.kind === 'refused') return connection;
    const { channel } = connection;
    const pid = channel.peerPid;
    if (pid !== undefined) this.#iut.identify(pid);
    // Another process than the one that ended, which its owner started.
    if (this.#exit !== undefined) this.#exit = this.#iut.exit();
    const { traffic } = this;
    const told = traffic === undefined ? channel : new ObservedChannel(channel, id, traffic);
    return { kind: 'opened', session: new FrontEndSession(this, told, id), detail: '' };
  }

  observeTraffic(observer: TrafficObserver | undefined): void {
    this.traffic = observer;
  }

  override releaseAll(): number {
    return super.releaseAll() + (this.program?.endAll() ?? 0);
  }

  get turnsOthersAway(): boolean {
    return this.#turnsOthersAway;
  }

  closing(): void {
    this.#iut.left?.();
  }

  close(): void {
    this.releaseAll();
    if (this.#death !== undefined) this.waiting.set.remove(this.#death);
    this.#death = undefined;
    this.waiting.close();
    this.#iut.close();
  }

  exit(): IutExit | undefined {
    return this.#exit;
  }

  exitAfterClose(): IutExit | undefined {
    if (this.#exit !== undefined) return this.#exit;
    const iut = this.#iut;
    // A process that ends closes its sockets one by one, and one that binds its socket anew listens soon. One that ends
    // with its connection listens no more.
    if (iut.endsWithConnection !== true) this.#awaitListener((inode) => inode !== undefined);
    if (iut.isExiting() || iut.endsWithConnection === true) this.#exit = iut.waitForExit(exitWithinMs);
    else if (this.#endsAwaited > 0) {
      this.#endsAwaited--;
      this.#exit = iut.waitForExit(endBehindCloseWithinMs);
      if (this.#exit !== undefined) this.#endsAwaited = closesWithoutEnd;
    }
    // Its end may have come between two looks: a process that has ended is not about to end.
    this.#exit ??= iut.exit();
    if (this.#exit === undefined) this.#closedAtMs = this.nowMs();
    return this.#exit;
  }

  /**
   * Two connections that one listening socket took show that a further one may come at once. Where the second is not
   * served and another socket listens then, every connection waits for a socket that is bound anew. Where others are
   * turned away, a session that is closed waits until the IUT has closed its end. A process that was seen twice to end
   * by itself behind the close of its only connection is taken for one that serves one, unless its target says otherwise.
   */
  override learnReconnection(): void {
    if (this.#reconnection !== 'unknown' || this.#iut.endsWithConnection === true) return;
    const first = this.#listener;
    if (first === undefined) return;
    const isServed = this.#isServed();
    if (isServed && this.#listener === first) {
      this.#reconnection = 'at-once';
      this.#turnsOthersAway = this.#isOtherTurnedAway();
    } else if (isServed || this.#awaitListener((inode) => inode !== undefined && inode !== first)) {
      this.#reconnection = 'bound-anew';
    } else if (this.#iut.isLifetimeUnsaid === true && this.#hasLeft() && this.#endsAgain()) {
      this.#iut.learnEndWithConnection?.();
      const { capabilities, shown } = this.facts;
      const lifetime = 'ends with its connection, as was seen at first contact: each session starts it afresh';
      // What such a process holds cannot grow.
      const lasting = capabilities.filter((capability) => capability !== 'resources');
      this.facts = { ...this.facts, capabilities: lasting, shown: { ...shown, lifetime } };
      this.restart();
    }
  }

  get endsWithConnection(): boolean {
    return this.#iut.endsWithConnection === true;
  }

  protected override reconnect(): void {
    super.reconnect();
    if (this.#iut.forgetProcess === undefined) return;
    this.#iut.forgetProcess();
    this.#exit = undefined;
    this.#awaitListener((inode) => inode !== undefined);
  }

  protected restart(): void {
    for (const session of this.sessions) session.close();
    if (this.#death !== undefined) this.waiting.set.remove(this.#death);
    this.#death = undefined;
    this.#exit = undefined;
    this.#iut.restart();
    this.#watchProcess();
  }

  #isServed(): boolean {
    const opened = this.connect();
    if (opened.kind === 'refused') return false;
    try {
      return opened.session.fence().kind === 'passed';
    } catch (error) {
      if (isOfIut(error)) return false;
      throw error;
    } finally {
      opened.session.close();
    }
  }

  /** Whether the process ends by itself, and not by a signal, behind a close of ours. */
  #hasLeft(): boolean {
    this.waiting.until(() => this.#iut.isExiting() || this.#hasEnded(), deadlineIn(this.deadlineMs));
    if (this.#iut.isExiting()) this.#exit ??= this.#iut.waitForExit(exitWithinMs);
    return this.#exit?.code !== undefined;
  }

  /** Whether another process serves a connection and ends behind its close as well. */
  #endsAgain(): boolean {
    try {
      this.restart();
      return this.#isServed() && this.#hasLeft();
    } catch (error) {
      if (isOfIut(error)) return false;
      throw error;
    }
  }

  /** Whether a second connection is closed while the first is open. One that is not taken yet stays open. */
  #isOtherTurnedAway(): boolean {
    const first = this.connect();
    if (first.kind === 'refused') return false;
    try {
      if (first.session.fence().kind !== 'passed') return false;
      const second = this.connect();
      if (second.kind === 'refused') return false;
      const { session } = second;
      this.waiting.until(() => !session.isOpen, deadlineIn(turnedAwayWithinMs));
      const isTurnedAway = !session.isOpen && first.session.isOpen;
      session.close();
      return isTurnedAway;
    } catch (error) {
      if (isOfIut(error)) return false;
      throw error;
    } finally {
      first.session.close();
    }
  }

  /** Starts the process afresh where the one that was there serves no further connection. Why that failed, or undefined. */
  #processForConnection(): string | undefined {
    const iut = this.#iut;
    if (iut.isUsedUp !== true || this.sessions.some(({ isOpen }) => isOpen)) return undefined;
    this.#exit ??= iut.waitForExit(this.deadlineMs);
    if (this.#exit !== undefined) return `the process ended with its connection: ${describeExit(this.#exit)}`;
    try {
      this.restart();
      return undefined;
    } catch (error) {
      if (isOfIut(error)) return error.message;
      throw error;
    }
  }

  /** Connects; where no socket listens for a moment, again until one does or the process has ended. */
  #connected(): ReturnType<Carrier['connect']> {
    if (this.#reconnection !== 'at-once') this.#listener = this.#carrier.listener?.();
    let connection = this.#carrier.connect();
    const isTaken = (): boolean => {
      if (connection.kind === 'connected' || !connection.mayListenLater) return true;
      if (this.#hasEnded()) return true;
      const listener = this.#carrier.listener?.();
      if (listener === undefined) return false;
      this.#listener = listener;
      connection = this.#carrier.connect();
      return connection.kind === 'connected';
    };
    if (!isTaken()) this.waiting.until(isTaken, deadlineIn(this.deadlineMs));
    if (connection.kind === 'connected' || this.#exit === undefined) return connection;
    return { ...connection, why: `the process ended: ${describeExit(this.#exit)}` };
  }

  /** Whether a listening socket is as wanted, or the process has ended, at the latest by the deadline. */
  #awaitListener(isWanted: (inode: string | undefined) => boolean): boolean {
    const { listener } = this.#carrier;
    if (listener === undefined) return true;
    const isSo = (): boolean => isWanted(this.#carrier.listener?.());
    this.waiting.until(() => isSo() || this.#iut.isExiting() || this.#hasEnded(), deadlineIn(this.deadlineMs));
    return isSo();
  }

  #hasEnded(): boolean {
    this.#exit ??= this.#iut.exit();
    const isBehindClose = this.nowMs() - this.#closedAtMs < endsBehindCloseMs;
    if (this.#exit !== undefined && isBehindClose) this.#endsAwaited = closesWithoutEnd;
    return this.#exit !== undefined || !this.#iut.isAlive();
  }

  #watchProcess(): void {
    const pidfd = this.#iut.pidfd;
    if (pidfd < 0) return;
    const death: WaitSource = {
      pollFd: pidfd,
      onReady: () => {
        this.#exit = this.#iut.exit();
        this.waiting.set.remove(death);
      },
    };
    this.#death = death;
    this.waiting.set.add(death);
  }

  #watchParent(fd: number, parentGone: () => void = () => process.exit(3)): void {
    if (fd < 0) throw new DriverUsageError('parentFd is not a descriptor');
    const source: WaitSource = {
      pollFd: fd,
      onReady: () => {
        this.waiting.set.remove(source);
        this.close();
        parentGone();
      },
    };
    this.waiting.set.add(source);
  }
}
