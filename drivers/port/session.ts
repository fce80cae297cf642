import type { Guest } from '../../reference-impl/memory/guest.ts';
import type { GuestSplitRing } from '../../reference-impl/virtqueue/split/guest-ring.ts';
import type { ControlOutcome, FeatureWord, Fence } from './outcome.ts';
import type { Attachment, AttachOptions } from './queue.ts';

export interface Negotiated {
  /** Feature bits as offered by GET_FEATURES, and as acknowledged by SET_FEATURES. */
  readonly offered: bigint;
  readonly accepted: bigint;
  readonly protocolOffered: bigint;
  readonly protocolAccepted: bigint;
}

/** What to negotiate; bits that the IUT does not offer are left out and can be seen to miss in `Negotiated`. */
export interface Negotiation {
  readonly features: bigint;
  readonly protocolFeatures: bigint;
}

/** One control connection. */
export interface Session {
  readonly id: number;
  readonly isOpen: boolean;
  /**
   * Why messages of this connection can no longer be told apart with certainty: a reply came after its deadline, or one
   * that nobody asked for. Undefined while all is well. Late replies are skipped where they can be told.
   */
  readonly desync: string | undefined;
  readonly negotiated: Negotiated;
  /**
   * Asks what the IUT offers, in a message of its own.
   * @throws DriverUsageError for protocol features where the transport has none: vhost-user alone does.
   */
  readFeatures(which: 'features' | 'protocol-features', deadlineMs?: number): FeatureWord;
  fence(deadlineMs?: number): Fence;
  /** SET_OWNER, protocol features, features. @throws PeerProtocolError, IutGoneError, DeadlineError. */
  negotiate(request: Negotiation): Negotiated;
  /** Tells the IUT the guest's memory. */
  shareMemory(guest: Guest): ControlOutcome;
  /** Size, base, addresses, eventfds, kick last, then enable. @throws as negotiate. */
  attach(ring: GuestSplitRing, options: AttachOptions): Attachment;
  close(): void;
}
