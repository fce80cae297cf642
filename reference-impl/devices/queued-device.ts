import { MemoryMap } from '../memory/memory-map.ts';
import { guestAddressOf, slicePieces } from '../memory/pieces.ts';
import type { DeviceRingOptions, RingAttachFailure } from '../virtqueue/attach-area.ts';
import type { Chain } from '../virtqueue/chain.ts';
import { MAX_QUEUE_SIZE } from '../virtqueue/descriptor.ts';
import type { DeviceRing, RingObserver } from '../virtqueue/device-ring.ts';
import {
  ringLayoutOf,
  VIRTIO_F_ACCESS_PLATFORM,
  VIRTIO_F_EVENT_IDX,
  VIRTIO_F_IN_ORDER,
  VIRTIO_F_INDIRECT_DESC,
  VIRTIO_F_RING_PACKED,
  VIRTIO_F_VERSION_1,
} from '../virtqueue/feature-bits.ts';
import { lackingOf } from '../virtqueue/malformed.ts';
import { attachPackedDevice, type PackedDevice } from '../virtqueue/packed/device-ring.ts';
import { type PackedDeviceRules, packedDeviceRules } from '../virtqueue/packed/device-rules.ts';
import type { RingPosition } from '../virtqueue/ring.ts';
import { attachSplitDevice, type SplitDevice } from '../virtqueue/split/device-ring.ts';
import { type SplitDeviceRules, splitDeviceRules } from '../virtqueue/split/device-rules.ts';
import type {
  ParentDriver,
  ParentSinks,
  QueueFailure,
  QueueStart,
  QueueState,
  RingWrapper,
  StepOutcome,
  StoreObserver,
} from './parent-driver.ts';
import { type QueueRules, queueRules } from './queue-rules.ts';

/** The rules of a ring's device side, by layout. */
export interface RingRules {
  readonly split: SplitDeviceRules;
  readonly packed: PackedDeviceRules;
}

/** The rules of a device, below those of its own requests. */
export interface TransportRules {
  readonly ring: RingRules;
  readonly queue: QueueRules;
}

export const transportRules: TransportRules = {
  ring: { split: splitDeviceRules, packed: packedDeviceRules },
  queue: queueRules,
};

/**
 * Features that come with the queues, whatever the device. Chains are used in order in any case. ACCESS_PLATFORM is for
 * transports that fill the IOTLB of the memory; others take it away from what they offer.
 */
export const QUEUE_FEATURES =
  VIRTIO_F_VERSION_1 |
  VIRTIO_F_INDIRECT_DESC |
  VIRTIO_F_EVENT_IDX |
  VIRTIO_F_ACCESS_PLATFORM |
  VIRTIO_F_RING_PACKED |
  VIRTIO_F_IN_ORDER;

export interface Queue {
  readonly index: number;
  /** The ring that was started last; it is worked on no more once `isStarted` is false. */
  ring: DeviceRing | undefined;
  isStarted: boolean;
  isEnabled: boolean;
  /** Requests on the ring that was started last are those of a legacy driver that is big-endian. */
  isBigEndian: boolean | undefined;
  /** A kick came since the ring was started. */
  wasKicked?: boolean;
  /** A kick came, and the ring was not seen empty since. */
  isAwake?: boolean;
  /** Looks that found the ring empty while it was awake. */
  emptyLooks: number;
  /** Starts since the device was made or reset, and decisions on a call since the last one. */
  starts: number;
  uses: number;
  /** Until the device is reset. */
  broken: QueueFailure | undefined;
}

const newQueue = (index: number): Queue => ({
  index,
  ring: undefined,
  isStarted: false,
  isEnabled: false,
  isBigEndian: false,
  emptyLooks: 0,
  starts: 0,
  uses: 0,
  broken: undefined,
});

/** What a notify page holds while nothing was stored there, in either order of bytes: no queue has this number. */
const NO_NOTIFICATION = 0xffff;

/** Configuration space of a device. */
export interface ConfigSpace {
  /** As the device is made, and as a reset leaves it. */
  readonly asMade: Uint8Array;
  /** As drivers read it, of what is stored. */
  readonly shown: (stored: Uint8Array) => Uint8Array;
}

/** A space that is read as it is stored. */
export const plainSpace = (asMade: Uint8Array): ConfigSpace => ({ asMade, shown: (stored) => stored });

const noSinks: ParentSinks = { signalCall: () => {}, signalError: () => {} };

/** What all devices have in common: features, ring states, kicks and calls. */
export abstract class QueuedDevice implements ParentDriver {
  abstract readonly deviceId: number;
  /** Works on one queue: one chain at most. */
  protected abstract work(queue: Queue): StepOutcome;
  readonly configSize: number;
  readonly queueCount: number;
  readonly maxQueueSize = MAX_QUEUE_SIZE;
  readonly supportedFeatures: bigint;
  protected readonly transport: TransportRules;
  protected readonly queues: readonly Queue[];
  /** Configuration space as it is stored. */
  protected readonly config: Uint8Array;
  readonly #space: ConfigSpace;
  protected sinks: ParentSinks = noSinks;
  #features = 0n;
  #memory = new MemoryMap();
  #stores: StoreObserver | undefined;
  #wrap: RingWrapper | undefined;
  #isRunning = true;
  #turn = 0;
  #notifyPages: (DataView | undefined)[] | undefined;

  constructor(
    queueCount: number,
    supportedFeatures: bigint,
    transport: TransportRules,
    space: ConfigSpace = plainSpace(new Uint8Array()),
  ) {
    this.queueCount = queueCount;
    this.supportedFeatures = transport.queue.offered(supportedFeatures | QUEUE_FEATURES);
    this.transport = transport;
    this.queues = Array.from({ length: queueCount }, (_, index) => newQueue(index));
    this.#space = space;
    this.config = Uint8Array.from(space.asMade);
    this.configSize = this.config.length;
  }

  readConfig(offset: number, length: number): Uint8Array | undefined {
    if (offset + length > this.configSize) return undefined;
    return this.#space.shown(this.config).slice(offset, offset + length);
  }

  restoreConfig(offset: number, bytes: Uint8Array): boolean {
    const isInside = this.readConfig(offset, bytes.length) !== undefined;
    if (isInside) this.config.set(bytes, offset);
    return isInside;
  }

  get features(): bigint {
    return this.#features;
  }

  setFeatures(features: bigint): void {
    this.#features = features;
  }

  protected has(feature: bigint): boolean {
    return (this.#features & feature) !== 0n;
  }

  setMemory(memory: MemoryMap): void {
    this.#memory = memory;
  }

  watchStores(observer: StoreObserver): void {
    this.#stores = observer;
  }

  wrapRings(wrap: RingWrapper | undefined): void {
    this.#wrap = wrap;
  }

  setSinks(sinks: ParentSinks): void {
    this.sinks = sinks;
  }

  startQueue(index: number, start: QueueStart): QueueFailure | undefined {
    const queue = this.queues[index] as Queue;
    const options = this.#optionsOf(index, start, queue.ring?.position);
    const ring = this.#attach(options);
    if (typeof ring === 'string') {
      // The ring before it may lie in memory that is about to go.
      queue.ring = undefined;
      return ring;
    }
    queue.ring = this.#wrap?.(index, ring, options) ?? ring;
    queue.isStarted = true;
    queue.isBigEndian = start.isBigEndian === true;
    queue.wasKicked = queue.isAwake = false;
    queue.emptyLooks = queue.uses = 0;
    queue.starts++;
    return undefined;
  }

  stopQueue(index: number): RingPosition | undefined {
    const queue = this.queues[index] as Queue;
    queue.isStarted = false;
    return queue.ring?.position;
  }

  suspendQueue(index: number): RingPosition | undefined {
    const queue = this.queues[index] as Queue;
    const ring = this.ringToProcess(queue, queue.isAwake);
    if (ring !== undefined) this.#keepWaiting(queue, ring);
    return this.stopQueue(index);
  }

  setQueueEnabled(index: number, enabled: boolean): void {
    (this.queues[index] as Queue).isEnabled = enabled;
  }

  queueState(index: number): QueueState {
    const { isStarted, isEnabled, broken } = this.queues[index] as Queue;
    return { isStarted, isEnabled, broken };
  }

  start(): void {
    this.#isRunning = true;
  }

  stop(): void {
    this.#isRunning = false;
  }

  reset(): void {
    this.#features = 0n;
    for (const queue of this.queues) Object.assign(queue, newQueue(queue.index));
    this.config.set(this.#space.asMade);
  }

  notify(index: number): void {
    const queue = this.queues[index];
    if (queue === undefined) return;
    if (!this.transport.queue.hearsKick(queue.isEnabled)) return;
    // The memory of a ring that was stopped may be gone.
    if (!this.transport.queue.survivesKick(() => (queue.isStarted ? queue.ring?.pending() : undefined))) {
      this.breakQueue(queue, 'spurious-kick');
      return;
    }
    queue.wasKicked = queue.isAwake = true;
    queue.emptyLooks = 0;
  }

  notifyPage(index: number, pageSize: number): Uint8Array {
    this.#notifyPages ??= this.queues.map(() => undefined);
    let page = this.#notifyPages[index];
    if (page === undefined) {
      page = new DataView(new ArrayBuffer(pageSize));
      page.setUint16(0, NO_NOTIFICATION);
      this.#notifyPages[index] = page;
    }
    return new Uint8Array(page.buffer);
  }

  awaken(index: number): void {
    const queue = this.queues[index] as Queue;
    queue.wasKicked = queue.isAwake = true;
  }

  step(): StepOutcome {
    if (this.#notifyPages !== undefined) this.#readNotifyPages(this.#notifyPages);
    const first = this.transport.queue.firstTurn(this.#turn);
    for (const n of this.queues.keys()) {
      const queue = this.queues[(first + n) % this.queueCount] as Queue;
      const outcome = this.work(queue);
      if (outcome === 'progressed') {
        this.#turn = queue.index + 1;
        return outcome;
      }
    }
    return 'idle';
  }

  /**
   * The ring of a queue that may be looked into now; else undefined. `kicked` is what it takes as its kick; `discards` says
   * that its chains can be used without a trace, which a disabled ring still does (vhost-user "Ring states").
   */
  protected ringToProcess(queue: Queue, kicked: boolean | undefined, discards = false): DeviceRing | undefined {
    const may = this.transport.queue.mayProcess({
      index: queue.index,
      isRunning: this.#isRunning,
      isStarted: queue.isStarted,
      isEnabled: queue.isEnabled,
      canDiscard: discards,
      isKicked: kicked,
      isBroken: queue.broken !== undefined,
    });
    return may ? queue.ring : undefined;
  }

  /** The next chain of a ring, which will be carried out; undefined where there is none, or where it breaks the queue. */
  protected take(queue: Queue, ring: DeviceRing): Chain | undefined {
    const chain = this.takeForNow(queue, ring);
    if (chain !== undefined) this.keep(queue, chain);
    return chain;
  }

  /** The next chain of a ring, with room for the status of a request at its end; one without breaks the queue. */
  protected takeRequest(queue: Queue, ring: DeviceRing): Chain | 'broken' | undefined {
    const chain = this.take(queue, ring);
    if (chain === undefined || chain.writableLength > 0) return chain;
    this.breakQueue(queue, 'request-without-status');
    return 'broken';
  }

  /** The same of a chain that may be given back: it is to be kept, or its ring is taken back to a mark. */
  protected takeForNow(queue: Queue, ring: DeviceRing): Chain | undefined {
    const { sleepsBeforeLook, staysAwake } = this.transport.queue;
    const hasEvents = this.has(VIRTIO_F_EVENT_IDX);
    if (sleepsBeforeLook(queue.emptyLooks, hasEvents)) {
      this.#askForKicks(queue, ring);
      queue.isAwake = false;
      queue.emptyLooks = 0;
      return undefined;
    }
    let next = ring.next();
    if (next.kind === 'empty' && !staysAwake(hasEvents)) {
      // Asks for kicks, then looks once more: a chain may have come just before, without a kick.
      this.#askForKicks(queue, ring);
      next = ring.next();
    }
    if (next.kind === 'empty') {
      queue.isAwake = staysAwake(hasEvents);
      queue.emptyLooks++;
      return undefined;
    }
    if (next.kind === 'malformed') {
      const lacking = lackingOf(next.reason);
      if (lacking !== undefined && this.sinks.missed !== undefined) {
        queue.isAwake = false;
        this.sinks.missed(queue.index, lacking);
        return undefined;
      }
      if (this.transport.queue.breaksOnMalformed()) this.breakQueue(queue, next.reason);
      return undefined;
    }
    if (this.transport.queue.suppressesKicksWhileAwake()) ring.wantKicks(false);
    return next;
  }

  /** Tells that chains will be carried out, and are not given back. */
  protected keep(queue: Queue, ...chains: readonly Chain[]): void {
    for (const chain of chains) if (!chain.isResubmitted) this.sinks.fetched?.(queue.index, chain);
  }

  /** Takes the chains that wait, as many as the ring has room for. */
  #keepWaiting(queue: Queue, ring: DeviceRing): void {
    for (let n = 0; n < ring.size; n++) {
      const next = ring.next();
      if (next.kind !== 'chain') return;
      this.keep(queue, next);
    }
  }

  #optionsOf(index: number, start: QueueStart, earlier: RingPosition | undefined): DeviceRingOptions {
    return {
      ...start,
      earlier,
      memory: this.#memory,
      features: {
        eventIdx: this.has(VIRTIO_F_EVENT_IDX),
        indirect: this.has(VIRTIO_F_INDIRECT_DESC),
        inOrder: this.has(VIRTIO_F_IN_ORDER),
      },
      observer: this.#observerOf(index),
    };
  }

  #attach(options: DeviceRingOptions): SplitDevice | PackedDevice | RingAttachFailure {
    switch (ringLayoutOf(this.#features)) {
      case 'split':
        return attachSplitDevice({ ...options, rules: this.transport.ring.split });
      case 'packed':
        return attachPackedDevice({ ...options, rules: this.transport.ring.packed });
    }
  }

  #readNotifyPages(pages: readonly (DataView | undefined)[]): void {
    for (const page of pages) {
      const queue = page?.getUint16(0, true) ?? NO_NOTIFICATION;
      if (queue === NO_NOTIFICATION) continue;
      page?.setUint16(0, NO_NOTIFICATION);
      this.sinks.storedNotification?.(queue);
    }
  }

  #observerOf(queue: number): RingObserver {
    return {
      using: (chain) => this.sinks.using?.(queue, chain),
      used: (chain, position) => this.sinks.used?.(queue, chain, position),
      wroteRing: (area, offset, length) => {
        this.sinks.wroteRing?.(queue, area, offset, length);
        this.#stores?.(queue, area, offset, length);
      },
    };
  }

  #askForKicks(queue: Queue, ring: DeviceRing): void {
    const { asksForKicks } = this.transport.queue;
    if (asksForKicks(queue.index, queue.starts, this.has(VIRTIO_F_EVENT_IDX))) ring.wantKicks(true);
  }

  /** Tells the driver that a chain was carried out, and signals the call where one is due. */
  protected complete(queue: Queue, ring: DeviceRing, chain: Chain, written: number): void {
    if (this.sinks.wroteMemory !== undefined) {
      const { logged } = this.transport.queue;
      for (const piece of logged(slicePieces(chain.writable, 0, written), chain, queue.index)) {
        this.sinks.wroteMemory(guestAddressOf(piece), piece.length);
      }
    }
    ring.complete(chain, written);
    this.callFor(queue, ring);
  }

  /** Signals the call where one is due for what became used. */
  protected callFor(queue: Queue, ring: DeviceRing): void {
    const { calls, callQueue } = this.transport.queue;
    const { index, starts } = queue;
    queue.uses++;
    let left = calls(ring.needsCall(), queue.uses, starts, this.has(VIRTIO_F_EVENT_IDX));
    for (; left > 0; left--) {
      this.sinks.signalCall(callQueue(index, starts));
    }
  }

  protected breakQueue(queue: Queue, reason: QueueFailure): void {
    queue.broken = reason;
    this.sinks.signalError(queue.index, reason);
  }
}
