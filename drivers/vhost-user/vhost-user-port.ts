import type { Guest } from '../../reference-impl/memory/guest.ts';
import type { GuestLayout } from '../../reference-impl/memory/guest-layout.ts';
import { EventLog } from '../../reference-impl/observations/event-log.ts';
import type { DriverPort, Iut, IutExit, WaitResult } from '../driver-port.ts';
import { DriverUsageError } from '../errors.ts';
import { monotonicUs } from '../native/native.ts';
import type { TargetFacts } from '../target.ts';
import type { Carrier } from './channel.ts';
import { OwnedDescriptors } from './descriptor-source.ts';
import { MappedGuest } from './guest-memory.ts';
import { deadlineIn } from './message-stream.ts';
import type { SessionContext } from './session-context.ts';
import { VhostUserSession } from './vhost-user-session.ts';
import type { WaitSource } from './wait-set.ts';
import { Waiting } from './waiting.ts';

/** What the port needs of whoever knows the IUT's process, beyond `Iut`. */
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

export interface VhostUserPortOptions {
  readonly facts: TargetFacts;
  readonly carrier: Carrier;
  readonly iut: PortIut;
  readonly log?: EventLog;
  readonly deadlineMs?: number;
  /** The read end of a pipe whose other end the parent holds; its hang-up ends this process. */
  readonly parentFd?: number;
  /** What to do at that hang-up after everything is given back; ends the process with 3 unless given. */
  readonly parentGone?: () => void;
}

const defaultDeadlineMs = 2000;
const exitWithinMs = 5000;

/** The vhost-user driver: sessions over whatever carries their bytes. */
export class VhostUserPort implements DriverPort, SessionContext {
  readonly facts: TargetFacts;
  readonly log: EventLog;
  readonly iut: Iut;
  readonly descriptors = new OwnedDescriptors();
  readonly waiting: Waiting;
  readonly #carrier: Carrier;
  readonly #iut: PortIut;
  readonly #sessions: VhostUserSession[] = [];
  readonly #guests: MappedGuest[] = [];
  #death: WaitSource | undefined;
  #exit: IutExit | undefined;
  #deadlineMs: number;
  #nextSession = 0;
  #nextGuest = 0;

  constructor(options: VhostUserPortOptions) {
    this.facts = options.facts;
    this.#carrier = options.carrier;
    this.#iut = options.iut;
    this.log = options.log ?? new EventLog(monotonicUs);
    this.#deadlineMs = options.deadlineMs ?? defaultDeadlineMs * options.facts.deadlineScale;
    const step = options.carrier.step?.bind(options.carrier);
    this.waiting = new Waiting(step, options.carrier.takeSignalled?.bind(options.carrier));
    if (options.parentFd !== undefined) this.#watchParent(options.parentFd, options.parentGone);
    const iut = options.iut;
    this.iut = {
      isAlive: () => iut.isAlive(),
      exit: () => iut.exit(),
      cpuTimeMs: () => iut.cpuTimeMs(),
      resources: () => iut.resources(),
      stderrTail: (maxBytes) => iut.stderrTail(maxBytes),
      restart: () => this.#restart(),
    };
    this.#watchProcess();
  }

  get deadlineMs(): number {
    return this.#deadlineMs;
  }

  setDeadline(ms: number): void {
    this.#deadlineMs = ms;
  }

  nowMs(): number {
    return monotonicUs() / 1000;
  }

  createGuest(layout: GuestLayout): Guest {
    const mapped = new MappedGuest(layout, `vhost-conformance-guest${this.#nextGuest++}`);
    this.#guests.push(mapped);
    return mapped.guest;
  }

  connect(): ReturnType<DriverPort['connect']> {
    const id = this.#nextSession++;
    const connection = this.#carrier.connect();
    if (connection.kind === 'refused') {
      this.log.observe({ kind: 'connection', state: 'refused', session: id, detail: connection.why });
      return connection;
    }
    const { channel } = connection;
    const pid = channel.peerPid;
    if (pid !== undefined) this.#iut.identify(pid);
    this.log.observe({ kind: 'connection', state: 'opened', session: id, detail: '' });
    const session = new VhostUserSession(this, channel, id);
    this.#sessions.push(session);
    return { kind: 'connected', session };
  }

  until(predicate: () => boolean, deadlineMs: number): WaitResult {
    const open = this.#openSessions();
    const outcome = (): WaitResult => {
      if (predicate()) return 'true';
      if (this.#exit !== undefined) return 'died';
      const closed = this.#openSessions() < open || (open === 0 && this.#sessions.length > 0);
      return closed ? 'closed' : 'deadline';
    };
    this.waiting.until(() => outcome() !== 'deadline', deadlineIn(deadlineMs));
    const result = outcome();
    return result === 'closed' && this.exitAfterClose() !== undefined ? 'died' : result;
  }

  untilSettled(predicate: () => boolean, deadlineMs: number): Exclude<WaitResult, 'closed'> {
    const holds = this.waiting.until(() => predicate() || this.#exit !== undefined, deadlineIn(deadlineMs));
    if (!holds) return 'deadline';
    return this.#exit === undefined || predicate() ? 'true' : 'died';
  }

  releaseAll(): number {
    let count = 0;
    for (const session of this.#sessions.splice(0)) {
      if (session.isOpen) count++;
      session.close();
    }
    for (const guest of this.#guests.splice(0)) {
      guest.close();
      count++;
    }
    return count + this.descriptors.closeAll();
  }

  close(): void {
    this.releaseAll();
    if (this.#death !== undefined) this.waiting.set.remove(this.#death);
    this.#death = undefined;
    this.#iut.close();
  }

  exit(): IutExit | undefined {
    return this.#exit;
  }

  exitAfterClose(): IutExit | undefined {
    if (this.#exit === undefined && this.#iut.isExiting()) this.#exit = this.#iut.waitForExit(exitWithinMs);
    return this.#exit;
  }

  adopt(descriptors: readonly number[]): void {
    this.descriptors.adopt(descriptors);
  }

  #openSessions(): number {
    let count = 0;
    for (const session of this.#sessions) if (session.isOpen) count++;
    return count;
  }

  #restart(): void {
    for (const session of this.#sessions) session.close();
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
    if (fd < 0) throw new DriverUsageError('parentFd is no descriptor');
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
