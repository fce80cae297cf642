import { writePieces } from '../memory/pieces.ts';
import type { StepOutcome } from './parent-driver.ts';
import { plainSpace, type Queue, QueuedDevice, type TransportRules, transportRules } from './queued-device.ts';
import type { RegisteredDevice } from './registered-device.ts';
import { MAX_PACKET, referenceGuestCid, VsockHost } from './vsock-host.ts';
import {
  encodeVsockConfig,
  encodeVsockEvent,
  VIRTIO_ID_VSOCK,
  VIRTIO_VSOCK_F_NO_IMPLIED_STREAM,
  VIRTIO_VSOCK_F_SEQPACKET,
  VIRTIO_VSOCK_F_STREAM,
  VSOCK_EVENT_SIZE,
  VSOCK_HEADER_SIZE,
  vsockQueues,
} from './vsock-layout.ts';
import { type VsockRules, vsockRules } from './vsock-rules.ts';

export interface VsockOptions {
  readonly rules?: VsockRules;
  readonly transport?: TransportRules;
}

const FEATURES = VIRTIO_VSOCK_F_STREAM | VIRTIO_VSOCK_F_SEQPACKET | VIRTIO_VSOCK_F_NO_IMPLIED_STREAM;
const QUEUES = 3;

/** A socket device (virtio 5.10), whose host has one socket that listens. */
export class VsockDevice extends QueuedDevice {
  readonly deviceId = VIRTIO_ID_VSOCK;
  readonly #rules: VsockRules;
  readonly #host: VsockHost;
  #events: number[] = [];

  constructor({ rules = vsockRules, transport = transportRules }: VsockOptions = {}) {
    const guestCid = rules.toldCid(referenceGuestCid);
    super(QUEUES, rules.offered(FEATURES), transport, plainSpace(encodeVsockConfig(guestCid)));
    this.#rules = rules;
    this.#host = new VsockHost(guestCid, rules);
  }

  /** A driver that negotiates while no queue runs is a new one: it knows of no connection. */
  override setFeatures(features: bigint): void {
    if (!this.queues.some(({ isStarted }) => isStarted)) this.#clear();
    super.setFeatures(features);
  }

  override reset(): void {
    super.reset();
    this.#clear();
  }

  #clear(): void {
    this.#host.clear();
    this.#events = [];
  }

  protected work(queue: Queue): StepOutcome {
    switch (queue.index) {
      case vsockQueues.rx:
        return this.#receive(queue);
      case vsockQueues.tx:
        return this.#transmit(queue);
      default:
        return this.#tellEvent(queue);
    }
  }

  #transmit(queue: Queue): StepOutcome {
    if (this.#host.isFull) return 'idle';
    const ring = this.ringToProcess(queue, queue.isAwake);
    if (ring === undefined) return 'idle';
    const chain = this.take(queue, ring);
    if (chain === undefined) return 'idle';
    this.#host.receive(this.#rules.gathered(chain.readable, MAX_PACKET + 1), this.features);
    const { eventOnConnect } = this.#rules;
    for (let left = this.#host.takeEstablished(); left > 0 && eventOnConnect !== undefined; left--) {
      this.#events.push(eventOnConnect);
    }
    this.complete(queue, ring, chain, 0);
    return 'progressed';
  }

  #receive(queue: Queue): StepOutcome {
    if (!this.#host.hasPacket) return 'idle';
    const ring = this.ringToProcess(queue, queue.wasKicked);
    if (ring === undefined) return 'idle';
    const chain = this.take(queue, ring);
    if (chain === undefined) return 'idle';
    const room = chain.writableLength - VSOCK_HEADER_SIZE;
    const packet = room < 0 ? undefined : this.#host.next(room);
    // A buffer that can hold no packet goes back as it is, and the packet waits for another.
    if (packet === undefined) this.#rules.tooSmall();
    this.complete(queue, ring, chain, packet === undefined ? 0 : writePieces(chain.writable, 0, packet));
    return 'progressed';
  }

  #tellEvent(queue: Queue): StepOutcome {
    const [event] = this.#events;
    if (event === undefined) return 'idle';
    const ring = this.ringToProcess(queue, queue.wasKicked);
    if (ring === undefined) return 'idle';
    const chain = this.take(queue, ring);
    if (chain === undefined) return 'idle';
    this.#events.shift();
    const isRoom = chain.writableLength >= VSOCK_EVENT_SIZE;
    this.complete(queue, ring, chain, isRoom ? writePieces(chain.writable, 0, encodeVsockEvent(event)) : 0);
    return 'progressed';
  }
}

/** It has three queues, however many are asked for. */
export const vsockReference: RegisteredDevice<VsockRules> = {
  rules: vsockRules,
  queues: QUEUES,
  make: ({ rules, transport }) => new VsockDevice({ rules, transport }),
};
