/**
 * The one interface that suites and fuzz know of all drivers. Nothing here does I/O by itself.
 * Every call blocks; there are no promises. All that is sent or seen goes into `port.log` in order.
 */
import type { Guest } from '../../reference-impl/memory/guest.ts';
import type { GuestLayout } from '../../reference-impl/memory/guest-layout.ts';
import type { Region } from '../../reference-impl/memory/region.ts';
import type { EventLog } from '../../reference-impl/observations/event-log.ts';
import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import type { AddOptions, SplitDriver } from '../../reference-impl/virtqueue/split/driver-ring.ts';
import type { GuestSplitRing } from '../../reference-impl/virtqueue/split/guest-ring.ts';
import type { UsedElement } from '../../reference-impl/virtqueue/split/ring-memory.ts';
import type { TargetFacts, Transport } from '../target.ts';
import type { VfioDevice } from '../vfio/vfio-device.ts';
import type { MdevChannel, MdevPlaces } from '../vhost-mdev/mdev-channel.ts';

export {
  DeadlineError,
  DriverUsageError,
  IutGoneError,
  PeerProtocolError,
  SystemCallError,
} from '../../reference-impl/errors.ts';
export type { Guest } from '../../reference-impl/memory/guest.ts';
export type { GuestLayout } from '../../reference-impl/memory/guest-layout.ts';
export type { SplitDriver } from '../../reference-impl/virtqueue/split/driver-ring.ts';
export type { GuestSplitRing } from '../../reference-impl/virtqueue/split/guest-ring.ts';
export type { UsedElement } from '../../reference-impl/virtqueue/split/ring-memory.ts';
export type { BlockWorkload, NetWorkload, TargetFacts, Transport, WorkloadFacts } from '../target.ts';
export type { VfioMapping } from '../vfio/vfio-carrier.ts';
export type { DeviceInfo, DmaPermission, DmaRange, IrqInfo, RegionInfo, VfioDevice } from '../vfio/vfio-device.ts';
export type { MdevChannel, MdevExchange, MdevPlaces } from '../vhost-mdev/mdev-channel.ts';

/** How a process ended: exactly one of both is set. */
export interface IutExit {
  readonly signal?: string;
  readonly code?: number;
}

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

/** What came of a message: a value, never a throw. `waitedMs` is the deadline that passed. */
export type Exchange =
  | { readonly kind: 'reply'; readonly message: ReceivedMessage }
  | { readonly kind: 'closed' }
  | { readonly kind: 'silent'; readonly waitedMs: number }
  | { readonly kind: 'died'; readonly exit: IutExit };

/** What came of a message that has no answer of its own: acknowledged by REPLY_ACK, or fenced by a GET_FEATURES. */
export type Acknowledgement =
  | { readonly kind: 'acknowledged'; readonly value: bigint }
  /** REPLY_ACK is not negotiated; the GET_FEATURES behind the message was answered. */
  | { readonly kind: 'fenced' }
  | { readonly kind: 'closed' }
  | { readonly kind: 'silent'; readonly waitedMs: number }
  | { readonly kind: 'died'; readonly exit: IutExit };

/** What came of a fence: all that was sent before it has been handled when it passes. */
export type Fence = { readonly kind: 'passed' } | Exclude<Exchange, { readonly kind: 'reply' }>;

/** What came of asking for a word of feature bits. */
export type FeatureWord =
  | { readonly kind: 'word'; readonly word: bigint }
  /** There was an answer, and it is none. */
  | { readonly kind: 'malformed'; readonly why: string }
  | Exclude<Exchange, { readonly kind: 'reply' }>;

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

export type WaitResult = 'true' | 'deadline' | 'closed' | 'died';

/** What the session does with requests that the back-end starts. */
export type BackEndRequestPolicy =
  | { readonly kind: 'serve' }
  | { readonly kind: 'withhold' }
  | { readonly kind: 'refuse' }
  /** Called for each request; its answer is the u64 of the reply. */
  | { readonly kind: 'script'; readonly answer: (message: ReceivedMessage) => bigint | 'withhold' };

/** The raw door of vhost-user: any message, any bytes. */
export interface VhostUserMessages {
  /** Sends and does not wait. */
  send(message: OutgoingMessage): 'sent' | 'closed' | 'died';
  /** Sends arbitrary bytes. */
  sendBytes(bytes: Uint8Array, descriptors?: readonly number[]): 'sent' | 'closed' | 'died';
  /** Sends and waits for the next message of the back-end on this socket, whatever it is. */
  exchange(message: OutgoingMessage, deadlineMs?: number): Exchange;
  /** Waits for the next message. */
  receive(deadlineMs?: number): Exchange;
  /** Sends with need_reply when REPLY_ACK is negotiated and waits for the u64; else sends and fences. */
  acknowledged(message: OutgoingMessage, deadlineMs?: number): Acknowledgement;
  /** GET_FEATURES as a fence: what was sent before has been handled when the reply comes. */
  fence(deadlineMs?: number): Exchange;
  /** Shuts our sending direction, or the whole connection, without ceremony. */
  shutdown(how: 'write' | 'both'): void;
  /** Makes a socket pair, passes one end by SET_BACKEND_REQ_FD, and serves the other by the policy. */
  openBackEndChannel(policy: BackEndRequestPolicy): Acknowledgement;
  readonly backEndRequests: readonly ReceivedMessage[];
}

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

export interface AttachOptions {
  readonly index: number;
  /** SET_VRING_BASE; 0 without it. */
  readonly base?: number;
  /** Start disabled: no SET_VRING_ENABLE is sent. Enabled without it. */
  readonly enable?: boolean;
  /** Without a call eventfd (invalid-fd bit) when false. */
  readonly call?: boolean;
  readonly kick?: boolean;
  /** Features that shape the ring on our side. */
  readonly eventIdx?: boolean;
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
  makeAvailable(chains: readonly (readonly Segment[])[], options?: AddOptions): number[];
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
  setEnabled(enabled: boolean): Acknowledgement;
  /** GET_VRING_BASE: stops the ring. The base, or what came instead. */
  stop(): { readonly kind: 'base'; readonly base: number } | Exclude<Exchange, { kind: 'reply' }>;
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
  shareMemory(guest: Guest): Acknowledgement;
  /** Size, base, addresses, eventfds, kick last, then enable. @throws as negotiate. */
  attach(ring: GuestSplitRing, options: AttachOptions): Attachment;
  close(): void;
}

export interface VhostUserSession extends Session {
  readonly messages: VhostUserMessages;
}

/** An open vhost-mdev device, with the doors for what no well-behaved driver does. */
export interface VhostMdevSession extends Session {
  /** Where the device's layout has what. */
  readonly places: MdevPlaces;
  /** Bytes of a page where the device is: those of a ring's doorbell. */
  readonly pageSize: number;
  /** The calls of VFIO on the device and its container; `device.file` takes any request, argument and position. */
  readonly device: VfioDevice;
  /** Messages as they are, and their answers. */
  readonly channel: MdevChannel;
  /** Closes the device as it is, running or not. */
  abandon(): void;
}

/** The session of each transport. */
export interface SessionsByTransport {
  readonly 'vhost-user': VhostUserSession;
  readonly 'vhost-kernel': Session;
  readonly 'vhost-vdpa': Session;
  readonly 'vhost-mdev': VhostMdevSession;
  readonly 'virtio-pci': Session;
}

export type SessionOf<T extends Transport> = SessionsByTransport[T];

/** Descriptors for cases that pass some. All are closed at the end of the case. */
export interface DescriptorSource {
  eventfd(): number;
  /** Adds to an eventfd that we made, 1 unless told, or writes the value to a pipe as eight bytes. */
  signal(fd: number, value?: number | bigint): void;
  /** Value of an eventfd and 0 when it is not signalled; never blocks. */
  read(fd: number): number;
  memoryFile(bytes: number): number;
  /** The memory file that a region of a Guest of this port lies in; it stays the Guest's. */
  ofRegion(region: Region): number;
  /** Bytes of a file from `position` on: fewer than asked at its end. */
  load(fd: number, position: number, length: number): Uint8Array;
  /** Writes to a file. Memory that an IUT gave is written so, because it may shrink under a mapping. */
  store(fd: number, position: number, bytes: Uint8Array): void;
  /** Writes to a pipe; false where it would block. */
  write(fd: number, bytes: Uint8Array): boolean;
  pipe(): { readonly readEnd: number; readonly writeEnd: number };
  nullDevice(): number;
  close(fd: number): void;
}

/** Descriptors and shared memory that the IUT holds, by identity. */
export interface IutResources {
  /** Number of open descriptors in all, and by kind (`anon_inode:[eventfd]`, `memfd:name`, `socket`). */
  readonly descriptors: number;
  readonly byIdentity: Readonly<Record<string, number>>;
  /** Named memfds of ours that are mapped. */
  readonly mappings: Readonly<Record<string, number>>;
}

export interface Iut {
  isAlive(): boolean;
  exit(): IutExit | undefined;
  /** The process tree's CPU time in milliseconds; undefined where it cannot be read. */
  cpuTimeMs(): number | undefined;
  resources(): IutResources | undefined;
  stderrTail(maxBytes: number): string;
  /** Ends what lives and starts a fresh process; waits for readiness. @throws SystemCallError, DeadlineError. */
  restart(): void;
}

export interface DriverPort<S extends Session = Session> {
  readonly facts: TargetFacts;
  readonly log: EventLog;
  readonly iut: Iut;
  readonly descriptors: DescriptorSource;
  /** Deadline in milliseconds that calls use when they are given none. */
  readonly deadlineMs: number;
  setDeadline(ms: number): void;
  nowMs(): number;
  createGuest(layout: GuestLayout): Guest;
  /** Connects and sends nothing. */
  connect(): { readonly kind: 'connected'; readonly session: S } | { readonly kind: 'refused'; readonly why: string };
  /** One native poll over everything that is open; the predicate is evaluated after each wake-up. */
  until(predicate: () => boolean, deadlineMs: number): WaitResult;
  /** As `until`, but no connection's end ends it: for what the IUT does by itself after its connections closed. */
  untilSettled(predicate: () => boolean, deadlineMs: number): Exclude<WaitResult, 'closed'>;
  /** Closes every session, guest and descriptor that the case left open. Returns how many there were. */
  releaseAll(): number;
  /** Ends the IUT if it is ours, and gives everything back. */
  close(): void;
}
