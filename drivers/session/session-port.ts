import type { Guest } from '../../reference-impl/memory/guest.ts';
import type { GuestLayout } from '../../reference-impl/memory/guest-layout.ts';
import type { Region } from '../../reference-impl/memory/region.ts';
import { EventLog } from '../../reference-impl/observations/event-log.ts';
import type { DriverRing } from '../../reference-impl/virtqueue/driver-ring.ts';
import type { GuestRing } from '../../reference-impl/virtqueue/ring.ts';
import { DriverUsageError } from '../errors.ts';
import { monotonicUs } from '../native/native.ts';
import type {
  CaseSideOptions,
  DriverPort,
  Iut,
  IutExit,
  MemoryChange,
  RecoveryStep,
  RedZone,
  Rung,
  Session,
  WaitResult,
} from '../port/port.ts';
import type { TargetFacts } from '../port/target-facts.ts';
import { deadlineIn, eventClock } from './deadline.ts';
import { OwnedDescriptors } from './descriptor-source.ts';
import { caseSide } from './driver-side.ts';
import { changeOf, MappedGuest } from './guest-memory.ts';
import { PortOracle } from './oracle.ts';
import type { SessionContext } from './session-context.ts';
import type { Waiting } from './waiting.ts';

export interface SessionPortOptions {
  readonly facts: TargetFacts;
  /** Who knows of the IUT's health. */
  readonly iut: Iut;
  readonly log?: EventLog;
  /** The steps of the target's ladder; `reconnect` alone unless told. */
  readonly recovery?: readonly RecoveryStep[];
  readonly deadlineMs?: number;
}

const defaultDeadlineMs = 2000;

/** What a port is on every transport: its sessions, guests and descriptors, and the waits over all of them. */
export abstract class SessionPort<S extends Session> implements DriverPort<S>, SessionContext {
  facts: TargetFacts;
  readonly log: EventLog;
  readonly descriptors = new OwnedDescriptors();
  readonly oracle: PortOracle;
  readonly iut: Iut;
  readonly ladder: readonly Rung[];
  readonly waiting: Waiting;
  protected readonly sessions: S[] = [];
  readonly #guests: MappedGuest[] = [];
  readonly #changes: MemoryChange[] = [];
  #deadlineMs: number;
  #nextGuest = 0;

  constructor({ facts, iut, log, deadlineMs, recovery = ['reconnect'] }: SessionPortOptions, waiting: Waiting) {
    this.facts = facts;
    this.iut = {
      isAlive: () => iut.isAlive(),
      exit: () => iut.exit(),
      cpuTimeMs: () => iut.cpuTimeMs(),
      resources: () => iut.resources(),
      get generation() {
        return iut.generation;
      },
      restart: () => this.restart(),
      ...(iut.coverage === undefined ? {} : { coverage: iut.coverage }),
      ...(iut.reports === undefined ? {} : { reports: () => iut.reports?.() ?? [] }),
      ...(iut.takeDeviceCalls === undefined ? {} : { takeDeviceCalls: iut.takeDeviceCalls }),
    };
    this.ladder = recovery.map((step) => ({ step, take: this.#taking(step) }));
    this.log = log ?? new EventLog(eventClock);
    this.oracle = new PortOracle(() => Math.max(0, this.log.next - 1));
    this.waiting = waiting;
    this.#deadlineMs = deadlineMs ?? defaultDeadlineMs * facts.deadlineScale;
  }

  abstract exit(): IutExit | undefined;
  abstract exitAfterClose(): IutExit | undefined;
  abstract close(): void;
  /** Ends the sessions, then as `Iut.restart`. */
  protected abstract restart(): void;
  /** Ends the sessions, and waits until the IUT can be connected to. */
  protected reconnect(): void {
    for (const session of this.sessions) session.close();
  }

  /** Ends the sessions and resets the function. @throws DriverUsageError where it is no function, or not ours to reset. */
  protected resetFunction(): void {
    throw new DriverUsageError(`${this.facts.name}: it is no function that can be reset`);
  }

  /** Opens what a session talks through, or says why it cannot. */
  protected abstract open(
    id: number,
  ): { kind: 'opened'; session: S; detail: string } | { kind: 'refused'; why: string };

  get deadlineMs(): number {
    return this.#deadlineMs;
  }

  setDeadline(ms: number): void {
    this.#deadlineMs = ms;
  }

  setBudget(ms: number | undefined): void {
    this.waiting.limit(ms);
  }

  nowMs(): number {
    return monotonicUs() / 1000;
  }

  createGuest(layout: GuestLayout, { redZones = false }: { readonly redZones?: boolean } = {}): Guest {
    const mapped = this.mapGuest(layout, `vhost-conformance-guest${this.#nextGuest++}`, redZones);
    this.#guests.push(mapped);
    this.oracle.guestMade(mapped.guest);
    return mapped.guest;
  }

  driverSide(ring: GuestRing, index: number, options: CaseSideOptions = {}): DriverRing {
    return caseSide(ring, index, this.log, options);
  }

  redZonesOf(guest: Guest): readonly RedZone[] {
    return this.#guests.find((mapped) => mapped.guest === guest)?.redZones ?? [];
  }

  changeMemory(region: Region, offset: number, patterns: readonly Uint8Array[], periodNs: number): MemoryChange {
    const change = changeOf(region, offset, patterns, periodNs);
    this.#changes.push(change);
    // What the thread stores is not told one by one.
    region.journal?.viewed(region.index, offset, patterns[0]?.length ?? 0);
    return change;
  }

  connect(): ReturnType<DriverPort<S>['connect']> {
    const id = this.log.nextSession();
    const opened = this.open(id);
    if (opened.kind === 'refused') {
      this.log.observe({ kind: 'connection', state: 'refused', session: id, detail: opened.why });
      return opened;
    }
    const { session, detail } = opened;
    this.log.observe({ kind: 'connection', state: 'opened', session: id, detail });
    this.sessions.push(session);
    return { kind: 'connected', session };
  }

  /** A transport whose device takes one session like another has nothing to find out. */
  learnReconnection(): void {}

  until(predicate: () => boolean, deadlineMs: number): WaitResult {
    const open = this.#openSessions();
    const outcome = (): WaitResult => {
      if (predicate()) return 'true';
      if (this.exit() !== undefined) return 'died';
      const closed = this.#openSessions() < open || (open === 0 && this.sessions.length > 0);
      return closed ? 'closed' : 'deadline';
    };
    this.waiting.until(() => outcome() !== 'deadline', deadlineIn(deadlineMs));
    const result = outcome();
    return result === 'closed' && this.exitAfterClose() !== undefined ? 'died' : result;
  }

  untilSettled(predicate: () => boolean, deadlineMs: number): Exclude<WaitResult, 'closed'> {
    const holds = this.waiting.until(() => predicate() || this.exit() !== undefined, deadlineIn(deadlineMs));
    if (!holds) return 'deadline';
    return this.exit() === undefined || predicate() ? 'true' : 'died';
  }

  releaseAll(): number {
    let count = 0;
    for (const change of this.#changes.splice(0)) change.stop();
    for (const session of this.sessions.splice(0)) {
      if (session.isOpen) count++;
      session.close();
    }
    for (const guest of this.#guests.splice(0)) {
      this.oracle.guestReleased(guest.guest);
      this.releaseGuest(guest);
      count++;
    }
    return count + this.descriptors.closeAll();
  }

  adopt(descriptors: readonly number[]): boolean {
    return this.descriptors.adopt(descriptors);
  }

  protected mapGuest(layout: GuestLayout, name: string, hasRedZones: boolean): MappedGuest {
    return new MappedGuest(layout, name, 'anywhere', hasRedZones);
  }

  protected releaseGuest(guest: MappedGuest): void {
    guest.close();
  }

  /** What a step does here. @throws DriverUsageError for one that this transport does not have. */
  #taking(step: RecoveryStep): () => void {
    switch (step) {
      case 'reconnect':
        return () => this.reconnect();
      case 'restart':
        return () => this.iut.restart();
      case 'function-level-reset':
        return () => this.resetFunction();
      case 'device-reset':
      case 'power-cycle':
        throw new DriverUsageError(`${this.facts.name}: ${step} is not a step of ${this.facts.transport}`);
    }
  }

  #openSessions(): number {
    let count = 0;
    for (const session of this.sessions) if (session.isOpen) count++;
    return count;
  }
}
