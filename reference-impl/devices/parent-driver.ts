import type { MemoryMap } from '../memory/memory-map.ts';
import type { DeviceRingOptions, RingAttachFailure } from '../virtqueue/attach-area.ts';
import type { Chain } from '../virtqueue/chain.ts';
import type { DeviceRing } from '../virtqueue/device-ring.ts';
import type { Lacking, MalformedReason } from '../virtqueue/malformed.ts';
import type { PackedDevice } from '../virtqueue/packed/device-ring.ts';
import type { RingArea, RingPosition } from '../virtqueue/ring.ts';
import type { SplitDevice } from '../virtqueue/split/device-ring.ts';
import type { CryptoSessions } from './crypto-sessions.ts';

/**
 * What a transport knows of a ring when it starts it. The layout of `position` is that of the negotiated features.
 * `ringSpace` is `user` over vhost-user, `io-virtual` with VIRTIO_F_ACCESS_PLATFORM; `bufferSpace` is `guest-physical`
 * or `io-virtual`.
 */
export type QueueStart = Omit<DeviceRingOptions, 'memory' | 'features' | 'observer' | 'earlier'>;

export type QueueFailure = MalformedReason | RingAttachFailure | 'spurious-kick' | 'request-without-status';

/** Where a device tells what it has to tell; the transport makes calls, error signals and dirty logs of it. */
export interface ParentSinks {
  signalCall(queue: number): void;
  /** The queue is broken and stays so until the device is reset. */
  signalError(queue: number, reason: QueueFailure): void;
  /** A chain cannot be followed for want of what comes later: the queue waits, and tries again once it is awakened. */
  missed?(queue: number, lacking: Lacking): void;
  /**
   * A number was stored in a notify page, which has the page's place free again.
   */
  storedNotification?(queue: number): void;
  /** Bytes of guest memory were written, for a dirty log: guest-physical address and length. */
  wroteMemory?(guestAddress: bigint, length: number): void;
  /** One store to ring memory was made: `length` bytes, `offset` bytes into the area. */
  wroteRing?(queue: number, area: RingArea, offset: number, length: number): void;
  /** A chain was taken; its used element is about to be shown; it was, and the ring stands at `position`. */
  fetched?(queue: number, chain: Chain): void;
  using?(queue: number, chain: Chain): void;
  used?(queue: number, chain: Chain, position: RingPosition): void;
}

/** What the device works on in place of the ring that it attached. */
export type RingWrapper = (queue: number, ring: SplitDevice | PackedDevice, attached: DeviceRingOptions) => DeviceRing;

export type StoreObserver = (queue: number, area: RingArea, offset: number, length: number) => void;

/** `idle` also where there is work that waits for the driver: a frame without a receive buffer. */
export type StepOutcome = 'idle' | 'progressed';

/**
 * A device without its transport (vhost-user, vhost-mdev, virtio-pci): it owns features, configuration and
 * queues, the transport owns messages and descriptors. Nothing happens outside a call; `step` carries out one chain at most.
 */
export interface ParentDriver {
  /** Virtio device id: 1 network, 2 block. */
  readonly deviceId: number;
  readonly queueCount: number;
  readonly maxQueueSize: number;
  readonly supportedFeatures: bigint;
  /** Negotiated features; those of the transport (VHOST_USER_F_PROTOCOL_FEATURES, VHOST_F_LOG_ALL) are not the device's. */
  readonly features: bigint;
  /** Takes features, all of them supported. */
  setFeatures(features: bigint): void;

  readonly configSize: number;
  /** A copy of configuration space; undefined where the range, of no negative numbers, leaves it. */
  readConfig(offset: number, length: number): Uint8Array | undefined;
  /**
   * False, and nothing changed, where the range leaves the space or touches a field that is read-only. Absent where every
   * field is.
   */
  writeConfig?(offset: number, bytes: Uint8Array): boolean;
  /** Writes as a migration does, read-only fields too; false where the range leaves the space. */
  restoreConfig(offset: number, bytes: Uint8Array): boolean;
  /** Tells the network of a station with this MAC, six bytes. Without a network there is nobody to tell. */
  announce?(mac: Uint8Array): void;

  /** Sessions that a front-end makes by messages; a crypto device has them. */
  readonly cryptoSessions?: CryptoSessions;

  /** The memory in which rings and buffers lie. Rings that run keep the memory that they were started with. */
  setMemory(memory: MemoryMap): void;
  setSinks(sinks: ParentSinks): void;

  /** Gives a queue its ring; a reason why not leaves it stopped. It processes once it is also enabled and kicked. */
  startQueue(queue: number, start: QueueStart): QueueFailure | undefined;
  /** Stops a queue. Returns the position to go on at, or undefined where it has no ring. */
  stopQueue(queue: number): RingPosition | undefined;
  /** Stops it at once: chains that wait, and that it may work on, are taken, and stay in flight. */
  suspendQueue(queue: number): RingPosition | undefined;
  setQueueEnabled(queue: number, enabled: boolean): void;
  queueState(queue: number): QueueState;

  start(): void;
  stop(): void;
  /** Back to how the device was made: features, queues and configuration; contents of storage stay. */
  reset(): void;
  /** A kick. */
  notify(queue: number): void;
  /**
   * Where a driver that is given the page may notify a queue by itself: it stores the queue's number in the first 16
   * bits.
   */
  notifyPage(queue: number, pageSize: number): Uint8Array;
  /** Looks into a queue unasked: when its ring starts, or where there are no kicks. */
  awaken(queue: number): void;
  /** Carries out one chain at most. */
  step(): StepOutcome;
  /** Puts something between the device and each ring that it attaches from now on; absent where it takes nothing. */
  wrapRings?(wrap: RingWrapper | undefined): void;
  /** Told of each store to the memory of a ring, right behind it; absent where the device does not tell. */
  watchStores?(observer: StoreObserver): void;
}

export interface QueueState {
  readonly isStarted: boolean;
  readonly isEnabled: boolean;
  /** What broke the queue, if something did. */
  readonly broken: QueueFailure | undefined;
}
