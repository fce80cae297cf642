import { DriverUsageError } from '../errors.ts';
import type { Iut, IutExit } from '../port/port.ts';
import { SessionPort, type SessionPortOptions } from '../session/session-port.ts';
import type { WaitSource } from '../session/wait-set.ts';
import { Waiting } from '../session/waiting.ts';
import type { Carrier } from './channel.ts';
import { FrontEndSession } from './vhost-user-session.ts';

/** What the port needs to know of the IUT's process, beyond `Iut`. */
export interface PortIut extends Iut {
  /** Readable when the process ended; -1 where there is none of ours. Changes with each restart. */
  readonly pidfd: number;
  /** Whether the process is about to end. */
  isExiting(): boolean;
  waitForExit(deadlineMs: number): IutExit | undefined;
  /** Who serves the first connection, where that was not known. */
  identify(pid: number): void;
  /** Ends the process if it is ours, and gives everything back. */
  close(): void;
}

export interface VhostUserPortOptions extends SessionPortOptions {
  readonly carrier: Carrier;
  readonly iut: PortIut;
  /** The read end of a pipe whose other end the parent holds; its hang-up ends this process. */
  readonly parentFd?: number;
  /** What to do at that hang-up after everything is given back; ends the process with 3 unless given. */
  readonly parentGone?: () => void;
}

const exitWithinMs = 5000;

/** The vhost-user driver: sessions over any carrier of their bytes. */
export class VhostUserPort extends SessionPort<FrontEndSession> {
  readonly #carrier: Carrier;
  readonly #iut: PortIut;
  #death: WaitSource | undefined;
  #exit: IutExit | undefined;

  constructor(options: VhostUserPortOptions) {
    const { carrier } = options;
    super(options, new Waiting(carrier.step?.bind(carrier), carrier.takeSignalled?.bind(carrier)));
    this.#carrier = carrier;
    this.#iut = options.iut;
    if (options.parentFd !== undefined) this.#watchParent(options.parentFd, options.parentGone);
    this.#watchProcess();
  }

  protected open(id: number): ReturnType<SessionPort<FrontEndSession>['open']> {
    const connection = this.#carrier.connect();
    if (connection.kind === 'refused') return connection;
    const { channel } = connection;
    const pid = channel.peerPid;
    if (pid !== undefined) this.#iut.identify(pid);
    return { kind: 'opened', session: new FrontEndSession(this, channel, id), detail: '' };
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
    if (this.#exit === undefined && this.#iut.isExiting()) this.#exit = this.#iut.waitForExit(exitWithinMs);
    return this.#exit;
  }

  protected restart(): void {
    for (const session of this.sessions) session.close();
    if (this.#death !== undefined) this.waiting.set.remove(this.#death);
    this.#death = undefined;
    this.#exit = undefined;
    this.#iut.restart();
    this.#watchProcess();
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
