import type { FeatureSet, RequirementSlug } from '../../catalogue/catalogue.ts';
import type { RingLayout, RingPosition } from '../../virtqueue/ring.ts';
import type { AskedTransfer, SeenTransfer } from './seen-transfer.ts';
import type { RestReason } from './transport-requirements.ts';

/** What came of an operation that has a control outcome: that of the port, without what is silent or died. */
export type ObservedOutcome =
  | { readonly kind: 'done'; readonly by: 'acknowledgement' | 'return' | 'fence' }
  | { readonly kind: 'refused' }
  | { readonly kind: 'closed' };

/** Calls that were made and what was seen of them, in their order. Things are named by numbers of the observer. */
export type ModelObservation =
  | { readonly kind: 'connected'; readonly session: number }
  | { readonly kind: 'ended'; readonly session: number }
  /** `offered`: what the target offered at the first contact. */
  | { readonly kind: 'negotiated'; readonly session: number; readonly accepted: FeatureSet }
  /** An operation that the text lets the back-end carry out. */
  | { readonly kind: 'operation'; readonly session: number; readonly name: string; readonly outcome: ObservedOutcome }
  /** A message of vhost-user as it was on the wire, header and payload. */
  | {
      readonly kind: 'message';
      readonly session: number;
      readonly direction: 'to' | 'from';
      readonly bytes: Uint8Array;
      /** To the back-end: an acknowledgement of it is 0. */
      readonly succeeds?: boolean;
      /** To the back-end: it passes a channel, each request on which is read, and said to be done. */
      readonly isServed?: boolean;
      /** From the back-end: descriptors that came with it. */
      readonly descriptors?: number;
    }
  /** A request of a vhost-user back-end as it was on the wire, and how many descriptors came with it. */
  | {
      readonly kind: 'back-end-request';
      readonly session: number;
      readonly bytes: Uint8Array;
      readonly descriptors: number;
    }
  /** A used element was taken from the ring at this index. */
  | { readonly kind: 'served'; readonly session: number; readonly index: number }
  /** A message that a back-end refuses, and what came behind it. */
  | {
      readonly kind: 'refusable';
      readonly session: number;
      readonly requirement: RequirementSlug;
      readonly direction: 'to' | 'from';
      readonly bytes: Uint8Array;
    }
  /** The driver wrote the device status. */
  | { readonly kind: 'status'; readonly session: number; readonly value: number }
  /** The driver asked what is offered. */
  | { readonly kind: 'offered' }
  /** Configuration was written, where the driver may write it; of a migration, anywhere. */
  | {
      readonly kind: 'configured';
      readonly offset: number;
      readonly bytes: Uint8Array;
      readonly isMigrated?: boolean;
    }
  /** Undefined bytes: the device answered that it failed. */
  | {
      readonly kind: 'configuration';
      readonly session: number;
      readonly offset: number;
      readonly length: number;
      readonly bytes: Uint8Array | undefined;
    }
  | {
      readonly kind: 'attached';
      readonly session: number;
      readonly queue: number;
      readonly index: number;
      /** It was set up without messages that a front-end may leave out. */
      readonly lacksMessages?: boolean;
      readonly ring: {
        readonly id: number;
        readonly layout: RingLayout;
        readonly size: number;
        readonly position: RingPosition;
        /** Both halves of the position are the same: no chain is outstanding there. */
        readonly isEmpty: boolean;
        /** Its memory holds no chain of a former life. */
        readonly isFresh: boolean;
        /** What the driver area of a split ring holds: the used idx at which it asks for a call. */
        readonly usedEvent: number;
      };
    }
  /** `slots`: descriptors of a packed ring that the chain takes; 1 of a split one, whose positions count chains. */
  | {
      readonly kind: 'added';
      readonly queue: number;
      readonly id: number;
      readonly slots: number;
      readonly readable: Uint8Array;
      readonly room: number;
      /** What the writable part holds, of devices that may fill a part of it. */
      readonly before?: Uint8Array;
      /** The translation of one of its buffers does not permit what the chain wants. */
      readonly isForbidden?: boolean;
    }
  | { readonly kind: 'published'; readonly queue: number }
  /** A device reached memory that no translation lets it reach, or did not say what it could not. */
  | {
      readonly kind: 'reached';
      readonly queue: number;
      readonly requirement: RequirementSlug;
      readonly what: string;
      readonly actual: string;
    }
  /** The device of the queue was reset, when memory showed so many used elements since it was attached. */
  | { readonly kind: 'reset'; readonly queue: number; readonly used: number; readonly requirement: RequirementSlug }
  | {
      readonly kind: 'transferred';
      readonly session: number;
      readonly asked: Omit<AskedTransfer, 'owesSuccess'>;
      readonly seen: SeenTransfer;
    }
  /** The driver says which calls it asks for, while no chain is outstanding and memory shows so many used elements. */
  | {
      readonly kind: 'asked';
      readonly queue: number;
      readonly how: 'each' | 'none' | 'at';
      readonly after: number;
      readonly used: number;
      readonly calls: number;
    }
  /** A back-end that died left these chains in flight, by rising counter, to a device that keeps that order. */
  | { readonly kind: 'left'; readonly queue: number; readonly ids: readonly number[] }
  /** The driver kicked, or the device did not ask for it. */
  | { readonly kind: 'kicked'; readonly queue: number }
  /** The ring was enabled or disabled, when memory showed so many used elements since it was attached. */
  | {
      readonly kind: 'enabled';
      readonly queue: number;
      readonly on: boolean;
      readonly used: number;
      /** What it rests by: itself, its device, or its memory. */
      readonly by: RestReason;
      /** Flags of the device about kicks. */
      readonly suppression: number;
    }
  /**
   * Calls go to another descriptor from now on, when so many were seen, and so many used elements were there; unless it is
   * heard, they go nowhere.
   */
  | {
      readonly kind: 'calls-moved';
      readonly queue: number;
      readonly calls: number;
      readonly used: number;
      readonly isHeard: boolean;
    }
  /** The driver had the device call. */
  | { readonly kind: 'called-by-hand'; readonly queue: number }
  /** So many used elements were there at a look, and these flags of the device about kicks. */
  | { readonly kind: 'looked'; readonly queue: number; readonly used: number; readonly suppression: number }
  /**
   * A used element that was taken, with all of the writable part as it was then. `isMarked`: the used descriptor of a packed
   * ring has the WRITE flag.
   */
  | {
      readonly kind: 'used';
      readonly queue: number;
      readonly id: number;
      readonly len: number;
      readonly written: Uint8Array;
      readonly isMarked?: boolean;
    }
  /**
   * Used elements that memory shows since the attachment, and calls that came. `before` was read before `used`; `calls`
   * after every call that `used` owes had time to come.
   */
  | {
      readonly kind: 'calls';
      readonly queue: number;
      readonly before: number;
      readonly used: number;
      readonly calls: number;
    }
  /** The driver kicked behind its last chain, and waited its whole deadline for `count` more used elements. */
  | {
      readonly kind: 'unserved';
      readonly queue: number;
      readonly count: number;
      /** The back-end has I/O-virtual addresses, and no one answers what it asks for. */
      readonly hasNoOneToAsk?: boolean;
    }
  | { readonly kind: 'stopped'; readonly queue: number; readonly position: RingPosition; readonly used: number }
  /** Nothing is known of it any more. `all`: nor of any other. */
  | { readonly kind: 'lost'; readonly what: 'ring' | 'session' | 'calls'; readonly id: number }
  /** `device`: of what is behind the rings. */
  | { readonly kind: 'lost'; readonly what: 'all' | 'device' };

/** What the text does not allow. */
export interface ModelFinding {
  readonly requirement: RequirementSlug;
  readonly what: string;
  readonly expected: string;
  readonly actual: string;
}

export type Tell = (finding: ModelFinding) => void;

/** The parts of a finding, in the order in which it is read. */
export type TellParts = (requirement: RequirementSlug, what: string, expected: string, actual: string) => void;

export const inParts =
  (tell: Tell): TellParts =>
  (requirement, what, expected, actual) =>
    tell({ requirement, what, expected, actual });
