/**
 * The one interface that suites and fuzz know of all drivers. This folder holds interfaces and one table, and does no I/O.
 * Every call blocks; there are no promises. All that is sent or seen goes into `port.log` in order.
 */

import type { Transport } from '../../reference-impl/catalogue/transport.ts';
import type { Guest } from '../../reference-impl/memory/guest.ts';
import type { GuestLayout } from '../../reference-impl/memory/guest-layout.ts';
import type { Region } from '../../reference-impl/memory/region.ts';
import type { EventLog } from '../../reference-impl/observations/event-log.ts';
import type { DriverRing } from '../../reference-impl/virtqueue/driver-ring.ts';
import type { GuestRing } from '../../reference-impl/virtqueue/ring.ts';
import type { DescriptorSource } from './descriptor-source.ts';
import type { Iut, Rung } from './iut.ts';
import type { Oracle } from './oracle.ts';
import type { WaitResult } from './outcome.ts';
import type { BackEndProgram } from './program.ts';
import type { CaseSideOptions } from './queue.ts';
import type { Session } from './session.ts';
import type { TargetFacts } from './target-facts.ts';
import type { TrafficObserver } from './traffic.ts';
import type { VhostNetSession } from './vhost-kernel-door.ts';
import type { VhostMdevSession } from './vhost-mdev-door.ts';
import type { VhostUserSession } from './vhost-user-messages.ts';
import type { VhostVdpaSession } from './vhost-vdpa-door.ts';
import type { VirtioPciSession } from './virtio-pci-door.ts';

export type { Transport } from '../../reference-impl/catalogue/transport.ts';
export {
  BudgetError,
  DeadlineError,
  DriverUsageError,
  IutGoneError,
  isOfIut,
  PeerProtocolError,
  PremiseError,
  presupposing,
  RequestsUnknownError,
  SystemCallError,
  UnansweredError,
} from '../../reference-impl/errors.ts';
export type { Guest } from '../../reference-impl/memory/guest.ts';
export type { GuestLayout } from '../../reference-impl/memory/guest-layout.ts';
export type { UsedElement } from '../../reference-impl/virtqueue/driver-ring.ts';
export type { GuestPackedRing } from '../../reference-impl/virtqueue/packed/guest-ring.ts';
export type { GuestRing, RingLayout, RingPosition } from '../../reference-impl/virtqueue/ring.ts';
export type { SplitDriver } from '../../reference-impl/virtqueue/split/driver-ring.ts';
export type { GuestSplitRing } from '../../reference-impl/virtqueue/split/guest-ring.ts';
export type { Capability } from './capabilities.ts';
export type * from './descriptor-source.ts';
export type * from './iut.ts';
export type * from './oracle.ts';
export type * from './outcome.ts';
export type * from './program.ts';
export type * from './queue.ts';
export type * from './session.ts';
export type * from './session-device.ts';
export { featuresOfPart, isDevicePart } from './session-device.ts';
export type * from './target-facts.ts';
export { neededOf, type ToldFact } from './told-facts.ts';
export type * from './traffic.ts';
export { transportFeatures } from './transport-features.ts';
export type * from './vhost-kernel-door.ts';
export type * from './vhost-mdev-door.ts';
export type * from './vhost-user-messages.ts';
export type * from './vhost-vdpa-door.ts';
export type * from './virtio-pci-door.ts';

/** What a target can be made to do from outside, other than by its driver. */
export interface Operator {
  /** Changes configuration space; a second time brings back what it was. Does not wait for it to show. */
  changeConfig(): void;
}

/** Memory that a thread changes. */
export interface MemoryChange {
  /** Ends it and returns how many stores it made; again returns the same. */
  stop(): number;
}

/** Bytes beside the regions of a memory file, which no IUT may write unless it was given them. */
export interface RedZone {
  /** The file, as a region has it. */
  readonly backing: unknown;
  readonly mmapOffset: bigint;
  readonly size: number;
  /** The first byte that changed; undefined where none did. */
  changedAt(): number | undefined;
}

/** The session of each transport. */
export interface SessionsByTransport {
  readonly 'vhost-user': VhostUserSession;
  readonly 'vhost-kernel': VhostNetSession;
  readonly 'vhost-vdpa': VhostVdpaSession;
  readonly 'vhost-mdev': VhostMdevSession;
  readonly 'virtio-pci': VirtioPciSession;
}

export type SessionOf<T extends Transport> = SessionsByTransport[T];

export interface DriverPort<S extends Session = Session> {
  readonly facts: TargetFacts;
  readonly log: EventLog;
  readonly iut: Iut;
  /** What can be done to it from outside; absent where nothing can. */
  readonly operator?: Operator;
  /** Its program, for the target to be started once more and otherwise; absent where it is not ours to start. */
  readonly program?: BackEndProgram;
  /** What may be done when the IUT no longer serves, mildest first, as the target says. */
  readonly ladder: readonly Rung[];
  readonly descriptors: DescriptorSource;
  readonly oracle: Oracle;
  /** Deadline in milliseconds that calls use when they are given none. */
  readonly deadlineMs: number;
  setDeadline(ms: number): void;
  /** What follows may take so long: waits behind that time end with a BudgetError. Undefined: no limit. */
  setBudget(ms: number | undefined): void;
  nowMs(): number;
  /** Our side of a ring that a case makes known by messages of its own, in place of `attach`. What it stores is traced. */
  driverSide(ring: GuestRing, index: number, options?: CaseSideOptions): DriverRing;
  /** @param options `redZones`: bytes beside its regions are watched. */
  createGuest(layout: GuestLayout, options?: { readonly redZones?: boolean }): Guest;
  /** What is watched of a guest until it is released. */
  redZonesOf(guest: Guest): readonly RedZone[];
  /**
   * A thread stores the patterns, of one length each, in turn to a place of guest memory until it is stopped, or
   * `releaseAll`. Patterns of 2, 4 or 8 bytes at a multiple of their size are stored at once, others byte by byte.
   * @param periodNs nanoseconds between two stores; 0 for as many as it gets to make.
   * @throws DriverUsageError for patterns that leave the region.
   */
  changeMemory(region: Region, offset: number, patterns: readonly Uint8Array[], periodNs: number): MemoryChange;
  /** Connects and sends nothing. */
  connect(): { readonly kind: 'connected'; readonly session: S } | { readonly kind: 'refused'; readonly why: string };
  /** Tells an observer of the sessions that are opened from now on; absent where none has a connection of bytes. */
  observeTraffic?(observer: TrafficObserver | undefined): void;
  /** Finds out, once and behind the first connection, how a further one is taken. No session is open. */
  learnReconnection(): void;
  /** The process ends with each connection, so that a session starts one; absent where none is ours. */
  readonly endsWithConnection?: boolean;
  /** One native poll over everything that is open; the predicate is evaluated after each wake-up. */
  until(predicate: () => boolean, deadlineMs: number): WaitResult;
  /** As `until`, but no connection's end ends it: for what the IUT does by itself after its connections closed. */
  untilSettled(predicate: () => boolean, deadlineMs: number): Exclude<WaitResult, 'closed'>;
  /** Closes every session, guest and descriptor that the case left open. Returns how many there were. */
  releaseAll(): number;
  /** Ends the IUT if it is ours, and gives everything back. */
  close(): void;
}
