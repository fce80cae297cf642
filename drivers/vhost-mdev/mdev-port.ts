import { errorName } from '../../reference-impl/mdev/error-numbers.ts';
import type { Guest } from '../../reference-impl/memory/guest.ts';
import type { GuestLayout } from '../../reference-impl/memory/guest-layout.ts';
import { EventLog } from '../../reference-impl/observations/event-log.ts';
import type { DriverPort, Iut, IutExit, WaitResult } from '../driver-port.ts';
import { monotonicUs } from '../native/native.ts';
import type { TargetFacts } from '../target.ts';
import type { VfioCarrier } from '../vfio/vfio-carrier.ts';
import { VfioDevice } from '../vfio/vfio-device.ts';
import { OwnedDescriptors } from '../vhost-user/descriptor-source.ts';
import { MappedGuest } from '../vhost-user/guest-memory.ts';
import { deadlineIn } from '../vhost-user/message-stream.ts';
import type { SessionContext } from '../vhost-user/session-context.ts';
import { Waiting } from '../vhost-user/waiting.ts';
import type { NotifyBy } from './mdev-attachment.ts';
import { layoutOf } from './mdev-channel.ts';
import { MdevSession } from './mdev-session.ts';

export interface MdevPortOptions {
  readonly facts: TargetFacts;
  readonly carrier: VfioCarrier;
  /** Who knows of the device's health; `close` gives everything back. */
  readonly iut: Iut & { close(): void };
  readonly log?: EventLog;
  readonly deadlineMs?: number;
  /** By write unless told. */
  readonly notifyBy?: NotifyBy;
}

interface OwnedGuest {
  readonly mapped: MappedGuest;
  readonly withdraw: () => void;
}

const defaultDeadlineMs = 2000;

/** The vhost-mdev driver, in layout L1 or L2 as the device says, over whatever carries VFIO. */
export class MdevPort implements DriverPort, SessionContext {
  readonly facts: TargetFacts;
  readonly log: EventLog;
  readonly iut: Iut;
  readonly descriptors = new OwnedDescriptors();
  readonly waiting: Waiting;
  readonly #options: MdevPortOptions;
  readonly #sessions: MdevSession[] = [];
  readonly #guests: OwnedGuest[] = [];
  #deadlineMs: number;
  #nextSession = 0;
  #nextGuest = 0;

  constructor(options: MdevPortOptions) {
    this.#options = options;
    this.facts = options.facts;
    this.log = options.log ?? new EventLog(monotonicUs);
    this.#deadlineMs = options.deadlineMs ?? defaultDeadlineMs * options.facts.deadlineScale;
    this.waiting = new Waiting(options.carrier.step?.bind(options.carrier));
    const { iut } = options;
    this.iut = {
      isAlive: () => iut.isAlive(),
      exit: () => iut.exit(),
      cpuTimeMs: () => iut.cpuTimeMs(),
      resources: () => iut.resources(),
      stderrTail: (maxBytes) => iut.stderrTail(maxBytes),
      restart: () => {
        for (const session of this.#sessions) session.abandon();
        iut.restart();
      },
    };
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
    this.#guests.push({ mapped, withdraw: this.#lend(mapped.guest) });
    return mapped.guest;
  }

  connect(): ReturnType<DriverPort['connect']> {
    const id = this.#nextSession++;
    const refused = (why: string): ReturnType<DriverPort['connect']> => {
      this.log.observe({ kind: 'connection', state: 'refused', session: id, detail: why });
      return { kind: 'refused', why };
    };
    const opened = this.#options.carrier.open();
    if (opened.kind === 'refused') return refused(opened.why);
    const device = new VfioDevice(opened.file);
    const info = device.deviceInfo();
    const places = typeof info === 'number' ? undefined : layoutOf(info.flags);
    if (typeof info === 'number' || places === undefined) {
      device.close();
      return refused(
        typeof info === 'number'
          ? `VFIO_DEVICE_GET_INFO: ${errorName(info)}`
          : `flags 0x${info.flags.toString(16)} are of no vhost-mdev`,
      );
    }
    this.log.observe({ kind: 'connection', state: 'opened', session: id, detail: `layout ${places.name}` });
    const { carrier, notifyBy = 'write' } = this.#options;
    const session = new MdevSession({
      context: this,
      device,
      places,
      id,
      pageSize: carrier.pageSize,
      notifyBy,
      lend: (guest) => this.#lend(guest),
    });
    this.#sessions.push(session);
    return { kind: 'connected', session };
  }

  until(predicate: () => boolean, deadlineMs: number): WaitResult {
    const open = this.#openSessions();
    const outcome = (): WaitResult => {
      if (predicate()) return 'true';
      if (this.exit() !== undefined) return 'died';
      const closed = this.#openSessions() < open || (open === 0 && this.#sessions.length > 0);
      return closed ? 'closed' : 'deadline';
    };
    this.waiting.until(() => outcome() !== 'deadline', deadlineIn(deadlineMs));
    return outcome();
  }

  untilSettled(predicate: () => boolean, deadlineMs: number): Exclude<WaitResult, 'closed'> {
    const holds = this.waiting.until(() => predicate() || this.exit() !== undefined, deadlineIn(deadlineMs));
    if (!holds) return 'deadline';
    return this.exit() === undefined || predicate() ? 'true' : 'died';
  }

  releaseAll(): number {
    let count = 0;
    for (const session of this.#sessions.splice(0)) {
      if (session.isOpen) count++;
      session.close();
    }
    for (const { mapped, withdraw } of this.#guests.splice(0)) {
      withdraw();
      mapped.close();
      count++;
    }
    return count + this.descriptors.closeAll();
  }

  close(): void {
    this.releaseAll();
    this.#options.iut.close();
  }

  exit(): IutExit | undefined {
    return this.#options.iut.exit();
  }

  exitAfterClose(): IutExit | undefined {
    return this.exit();
  }

  adopt(descriptors: readonly number[]): void {
    this.descriptors.adopt(descriptors);
  }

  #openSessions(): number {
    let count = 0;
    for (const session of this.#sessions) if (session.isOpen) count++;
    return count;
  }

  /** Lets a device that does not see this process reach a guest by its user addresses. Answers how to take it away. */
  #lend(guest: Guest): () => void {
    const { carrier } = this.#options;
    const taken = guest.regions.map(({ userAddress, bytes }) => carrier.lendMemory?.(userAddress, bytes));
    return () => {
      for (const take of taken) take?.();
    };
  }
}
