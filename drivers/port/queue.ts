import type { UsedElement } from '../../reference-impl/virtqueue/driver-ring.ts';
import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import type { SplitAddOptions, SplitDriver } from '../../reference-impl/virtqueue/split/driver-ring.ts';
import type { GuestSplitRing } from '../../reference-impl/virtqueue/split/guest-ring.ts';
import type { ControlOutcome, NoAnswer } from './outcome.ts';

export interface AttachOptions {
  readonly index: number;
  /** SET_VRING_BASE; 0 without it. */
  readonly base?: number;
  /** Start disabled: no SET_VRING_ENABLE is sent. Enabled without it. */
  readonly enable?: boolean;
  /** Without a call eventfd (invalid-fd bit) when false. */
  readonly call?: boolean;
  readonly kick?: boolean;
  /** `when-asked`: `kick()` notifies only where the device asked for it, as a driver in use does. Always without it. */
  readonly kicks?: 'always' | 'when-asked';
  /** Features that shape the ring on our side; what was negotiated unless told. */
  readonly eventIdx?: boolean;
  readonly inOrder?: boolean;
  readonly indirect?: boolean;
}

/** A ring of a Guest, made known to the IUT on one session. */
export interface Attachment {
  readonly ring: GuestSplitRing;
  readonly index: number;
  readonly driver: SplitDriver;
  /**
   * Adds each chain to the ring and publishes them all at once; no kick. The heads, in order.
   * @throws DriverUsageError when the ring has no room.
   */
  makeAvailable(chains: readonly (readonly Segment[])[], options?: SplitAddOptions): number[];
  kick(): void;
  /** Kicks, then `waitForUsed(count)`. */
  kickAndWaitForUsed(count: number, deadlineMs?: number): UsedElement[];
  /**
   * Calls since the attachment's baseline drain, or since `drainCalls`. Some devices signal once at the start of a
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
  /** GET_VRING_BASE: stops the ring. The base, or what came instead. */
  stop(): { readonly kind: 'base'; readonly base: number } | NoAnswer;
}
