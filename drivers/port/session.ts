import type { FeatureSet } from '../../reference-impl/catalogue/feature-set.ts';
import type { Guest } from '../../reference-impl/memory/guest.ts';
import type { GuestRing } from '../../reference-impl/virtqueue/ring.ts';
import type { ControlOutcome, FeatureWord, Fence } from './outcome.ts';
import type { AttachOptions, Queue } from './queue.ts';
import type { SessionDevice } from './session-device.ts';

/** Feature bits as the IUT offered them, and as the driver acknowledged them. */
export interface Negotiated {
  readonly offered: FeatureSet;
  readonly accepted: FeatureSet;
}

/** What to negotiate; a word that is left out is 0. Bits that the IUT does not offer are not acknowledged. */
export type Negotiation = Partial<FeatureSet>;

/** The words of feature bits that an IUT offers: the device's, and those of the transports that have one of their own. */
export type OfferWord = 'features' | 'protocol-features' | 'backend-features';

/** One control connection. */
export interface Session {
  readonly id: number;
  readonly isOpen: boolean;
  /**
   * What came that fits no request: an answer to another request where one was due, a part of a message, a header that
   * declares more than a message can have. Undefined while all is well. A reply after its deadline is none of these: it
   * is skipped, and noted in the log.
   */
  readonly desync: string | undefined;
  /**
   * The message whose answer was waited for to the deadline and has not come yet, by its name. Undefined where there is none,
   * and on transports without messages.
   */
  readonly unanswered: string | undefined;
  readonly negotiated: Negotiated;
  /**
   * Asks what the IUT offers, in a message of its own.
   * @throws DriverUsageError for a word that the transport does not have: vhost-user alone has protocol features, and
   * vhost of the kernel backend features.
   */
  readFeatures(which: OfferWord, deadlineMs?: number): FeatureWord;
  fence(deadlineMs?: number): Fence;
  /** What the device itself can be asked and told. It has more parts once features are negotiated. */
  readonly device: SessionDevice;
  /**
   * What comes before the device's feature bits are acknowledged: the owner and, on vhost-user, protocol features.
   * `negotiate` goes on from there. @throws as negotiate.
   */
  prepare(request: Negotiation): void;
  /** SET_OWNER, protocol features, features. @throws PeerProtocolError, IutGoneError, DeadlineError. */
  negotiate(request: Negotiation): Negotiated;
  /** Tells the IUT the guest's memory. */
  shareMemory(guest: Guest): ControlOutcome;
  /** Size, base, addresses, eventfds, kick last, then enable. @throws as negotiate. */
  attach<R extends GuestRing>(ring: R, options: AttachOptions): Queue<R>;
  close(): void;
}
