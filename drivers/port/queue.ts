import type { AddressSpace } from '../../reference-impl/memory/addresses.ts';
import type { AddOptions, DriverRing, UsedElement } from '../../reference-impl/virtqueue/driver-ring.ts';
import type { PackedDriver } from '../../reference-impl/virtqueue/packed/driver-ring.ts';
import type { GuestPackedRing } from '../../reference-impl/virtqueue/packed/guest-ring.ts';
import type { GuestRing, RingPosition } from '../../reference-impl/virtqueue/ring.ts';
import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import type { SplitAddOptions, SplitDriver } from '../../reference-impl/virtqueue/split/driver-ring.ts';
import type { GuestSplitRing } from '../../reference-impl/virtqueue/split/guest-ring.ts';
import type { ControlOutcome, NoAnswer } from './outcome.ts';
import type { RingSetUpMessage } from './ring-set-up.ts';

export interface AttachOptions {
  readonly index: number;
  /** Where the device begins; where the ring in memory does, unless told. */
  readonly position?: RingPosition;
  /** Start disabled: no SET_VRING_ENABLE is sent. Enabled without it. */
  readonly enable?: boolean;
  /** Without a call eventfd (invalid-fd bit) when false. */
  readonly call?: boolean;
  readonly kick?: boolean;
  /** `when-asked`: `kick()` notifies only where the device asked for it, as a driver in use does. Always without it. */
  readonly kicks?: 'always' | 'when-asked';
  /** The order of the messages that set it up, on vhost-user; that of the target unless told. */
  readonly order?: readonly RingSetUpMessage[];
  /** Features that shape the ring on our side; what was negotiated unless told. */
  readonly eventIdx?: boolean;
  readonly inOrder?: boolean;
  readonly indirect?: boolean;
}

/** What a case says of its side of a ring that it makes known by messages of its own. */
export interface CaseSideOptions {
  /** Where the ring begins; where the ring in memory does, unless told. */
  readonly position?: RingPosition;
  /** The space of the addresses in descriptors; `guest-physical` unless told. */
  readonly space?: AddressSpace;
}

/** The driver side of a ring: with the raw fields of its layout where the layout is known. */
export type DriverOf<R extends GuestRing> = R extends GuestSplitRing
  ? SplitDriver
  : R extends GuestPackedRing
    ? PackedDriver
    : DriverRing;
export type AddOptionsOf<R extends GuestRing> = R extends GuestSplitRing ? SplitAddOptions : AddOptions;

/** A virtqueue: a ring of a Guest, made known to the IUT on one session. */
export interface Queue<R extends GuestRing = GuestRing> {
  readonly ring: R;
  readonly index: number;
  readonly driver: DriverOf<R>;
  /**
   * Adds each chain to the ring and publishes them all at once; no kick. Their buffer ids, in order.
   * @throws DriverUsageError when the ring has no room.
   */
  makeAvailable(chains: readonly (readonly Segment[])[], options?: SplitAddOptions): number[];
  kick(): void;
  /** Kicks, then `waitForUsed(count)`. */
  kickAndWaitForUsed(count: number, deadlineMs?: number): UsedElement[];
  /** Used elements since the attach: those that `waitForUsed` gave, and those that memory shows. Takes none. */
  usedCount(): number;
  /**
   * Calls since the queue's baseline drain, or since `drainCalls`. Some devices signal once at the start of a
   * ring: the baseline, taken by the first use of `calls`, `drainCalls` or `waitForCalls` behind a fence, keeps that out.
   * @throws DriverUsageError when that first use comes after the first kick: use `drainCalls` before it.
   */
  calls(): number;
  drainCalls(): number;
  /** Signals on the error eventfd. */
  errors(): number;
  /**
   * Waits until `count` more used elements have been reaped and gives them in the order of the used ring.
   * Watches memory as well as the call eventfd, so a lost call does not hide a completion.
   * @throws DeadlineError when they are not there in time, IutGoneError, PeerProtocolError.
   */
  waitForUsed(count: number, deadlineMs?: number): UsedElement[];
  /** Waits for at least `count` calls (since the last drain). */
  waitForCalls(count: number, deadlineMs?: number): boolean;
  setEnabled(enabled: boolean): ControlOutcome;
  /** Stops the ring: where it goes on, as the IUT says, or what came instead. Split: both idx are the one it gives. */
  stop(): Stopped | NoAnswer;
}

export interface Stopped {
  readonly kind: 'stopped';
  readonly position: RingPosition;
}
