/** The raw door of vhost-user. */
import type { Guest } from '../../reference-impl/memory/guest.ts';
import type { Region } from '../../reference-impl/memory/region.ts';
import type { ControlOutcome, NoAnswer } from './outcome.ts';
import type { Session } from './session.ts';

/** A message as it came: header fields, payload (a copy), descriptors received with it (owned by the port). */
export interface ReceivedMessage {
  readonly request: number;
  readonly flags: number;
  /** The size field of the header, in bytes; equals `payload.length` for a whole message. */
  readonly size: number;
  readonly payload: Uint8Array;
  readonly descriptors: readonly number[];
  /** The log's sequence number of this message. */
  readonly seq: number;
}

/** What came of a message that has a reply of its own. */
export type Exchange = { readonly kind: 'reply'; readonly message: ReceivedMessage } | NoAnswer;

/** A message to be sent exactly as given. */
export interface OutgoingMessage {
  /** Name of the message as the specification spells it, or any number. */
  readonly request: string | number;
  /** Fields of the payload by the names of the layout, or raw bytes. None: an empty payload. */
  readonly payload?: Readonly<Record<string, unknown>> | Uint8Array;
  /** Header flags; without it version 1 and no other flag. */
  readonly flags?: number;
  /** Written in the header's size field in place of the payload's length. */
  readonly declaredSize?: number;
  /** File descriptors to pass with the first bytes; they stay ours. */
  readonly descriptors?: readonly number[];
  /** Lengths of the pieces in which to send it; descriptors travel with the first piece, or `descriptorsInPiece`. */
  readonly pieces?: readonly number[];
  readonly descriptorsInPiece?: number;
  /** Bytes of the message really sent, when it is cut short. */
  readonly truncateTo?: number;
}

/** What the session does with requests that the back-end starts. */
export type BackEndRequestPolicy =
  | { readonly kind: 'serve' }
  | { readonly kind: 'withhold' }
  | { readonly kind: 'refuse' }
  /** Called for each request; its answer is the u64 of the reply. */
  | { readonly kind: 'script'; readonly answer: (message: ReceivedMessage) => bigint | 'withhold' };

/** An access of the back-end that waits, or waited, for a page. */
export interface PageFault {
  /** In the address space of the back-end. */
  readonly address: bigint;
  /** The region that it told to lie there; undefined where there is none. */
  readonly region: Region | undefined;
  /** Bytes of the region before the page. */
  readonly offset: number;
}

/** Serves the page faults of a back-end: each page that it waits for arrives, within any wait of the port. */
export interface PageServer {
  /** In the order in which they came. */
  readonly faults: readonly PageFault[];
  /** The back-end said that the region lies there. */
  placed(region: Region, address: bigint): void;
  /**
   * Pages of a region are missing from now on. What was in them arrives with them; our side must not touch them, and none of
   * them may be one that the back-end has accessed.
   */
  withhold(region: Region): void;
  /** Whether a page of the region is there. */
  hasPages(region: Region): boolean;
  /** Faults of these regions, and in none, are left waiting until `serveAll`. */
  hold(regions: readonly Region[]): void;
  serveAll(): void;
  /** Closes our descriptor: nothing is served any more. */
  drop(): void;
}

/** The raw door of vhost-user: any message, any bytes. */
export interface VhostUserMessages {
  /** Sends and does not wait. */
  send(message: OutgoingMessage): 'sent' | 'closed' | 'died';
  /** Sends arbitrary bytes. */
  sendBytes(bytes: Uint8Array, descriptors?: readonly number[]): 'sent' | 'closed' | 'died';
  /** Sends and waits for the next message of the back-end on this socket, of any kind. */
  exchange(message: OutgoingMessage, deadlineMs?: number): Exchange;
  /** Waits for the next message. */
  receive(deadlineMs?: number): Exchange;
  /** Sends with need_reply when REPLY_ACK is negotiated and waits for the u64; else sends and fences. */
  acknowledged(message: OutgoingMessage, deadlineMs?: number): ControlOutcome;
  /** GET_FEATURES as a fence: what was sent before has been handled when the reply comes. */
  fence(deadlineMs?: number): Exchange;
  /** Shuts our sending direction, or the whole connection, without ceremony. */
  shutdown(how: 'write' | 'both'): void;
  /**
   * Serves faults on a userfaultfd that the back-end gave, until the session is closed: then all pages arrive.
   * @throws PeerProtocolError for a descriptor that is none.
   */
  servePages(userfault: number): PageServer;
  /** Makes a socket pair, passes one end by SET_BACKEND_REQ_FD, and serves the other by the policy. */
  openBackEndChannel(policy: BackEndRequestPolicy): ControlOutcome;
  readonly backEndRequests: readonly ReceivedMessage[];
}

/**
 * When the back-end is told translations, once VIRTIO_F_ACCESS_PLATFORM is negotiated: of each region with the memory; or
 * of the region around a miss once it reports that. It needs a channel for its requests to do so.
 */
export type Translations = 'with-memory' | 'at-miss';

export interface VhostUserSession extends Session {
  readonly messages: VhostUserMessages;
  /** As of every session; `translations` means something with VIRTIO_F_ACCESS_PLATFORM alone. */
  shareMemory(guest: Guest, translations?: Translations): ControlOutcome;
}
