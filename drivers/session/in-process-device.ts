import { type Breakdown, breakdownOf } from '../../reference-impl/vhost-user/back-end-edge.ts';
import { errno } from '../../reference-impl/wire/errno.ts';
import type { IutResources } from '../port/port.ts';
import { EventHolder, type EventToken } from './event-holder.ts';

const pageSize = 4096;
/** Chains carried out ahead of a call. */
const chainsPerCall = 4096;

interface LentMemory {
  readonly userAddress: bigint;
  readonly bytes: Uint8Array;
}

/** What the edges of reference devices have in common: real events and memory of this process. */
export interface InProcessEdge {
  readonly pageSize: number;
  holdEvent(descriptor: number): EventToken | undefined;
  releaseEvent(token: EventToken | undefined): void;
  signal(token: EventToken): void;
  takeSignal(token: EventToken): boolean;
  userMemory(userAddress: bigint, size: bigint): Uint8Array | undefined;
}

/** A reference device of this process that is called as the device file of a kernel is, and stepped by each wait for it. */
export class InProcessDevice<Device extends { step(): string }> {
  readonly pageSize = pageSize;
  readonly #makeDevice: () => Device;
  readonly #events = new EventHolder();
  readonly #lent = new Set<LentMemory>();
  #device: Device;
  #brokenDown: Breakdown | undefined;

  constructor(makeDevice: (edge: InProcessEdge) => Device) {
    const edge: InProcessEdge = {
      pageSize,
      holdEvent: (descriptor) => this.#events.hold(descriptor),
      releaseEvent: (token) => this.#events.release(token),
      signal: (token) => this.#events.signal(token),
      takeSignal: (token) => this.#events.take(token),
      userMemory: (userAddress, size) => this.#userMemory(userAddress, size),
    };
    this.#makeDevice = () => makeDevice(edge);
    this.#device = this.#makeDevice();
  }

  get device(): Device {
    return this.#device;
  }

  /** How a fault made an end of it; undefined while it serves. */
  get brokenDown(): Breakdown | undefined {
    return this.#brokenDown;
  }

  /** Eventfds that the device holds. */
  get heldEvents(): number {
    return this.#events.size;
  }

  /** It maps no files: it sees our memory where we have it. */
  resources(): IutResources {
    const { heldEvents } = this;
    return { descriptors: heldEvents, byIdentity: { 'anon_inode:[eventfd]': heldEvents }, mappings: {} };
  }

  lendMemory(userAddress: bigint, bytes: Uint8Array): () => void {
    const lent = { userAddress, bytes };
    this.#lent.add(lent);
    return () => {
      this.#lent.delete(lent);
    };
  }

  step(): boolean {
    return this.guarded(() => this.#device.step()) === 'progressed';
  }

  /** What was notified before a call is made is done before the call is: a device that runs by itself is as quick. */
  settle(): void {
    for (let left = chainsPerCall; left > 0 && this.step(); left--);
  }

  /**
   * Lets the device act, unless it broke down or does so now. A call on one that hangs would never return: it is given
   * up, as by a signal.
   */
  guarded<Result>(act: () => Result): Result | number {
    if (this.#brokenDown === undefined) {
      try {
        return act();
      } catch (error) {
        const how = breakdownOf(error);
        if (how === undefined) throw error;
        this.#brokenDown = how;
      }
    }
    return this.#brokenDown === 'hang' ? -errno.EINTR : -errno.ENODEV;
  }

  /** A fresh device in place of the old one, whose files answer ENODEV from now on; stored data is gone. */
  restart(): void {
    this.close();
    this.#device = this.#makeDevice();
    this.#brokenDown = undefined;
  }

  close(): void {
    this.#events.releaseAll();
  }

  #userMemory(userAddress: bigint, size: bigint): Uint8Array | undefined {
    // Guests of one layout have the same user addresses: the one that was lent last is meant.
    for (const { userAddress: start, bytes } of [...this.#lent].reverse()) {
      if (userAddress < start || userAddress + size > start + BigInt(bytes.length)) continue;
      const from = Number(userAddress - start);
      return bytes.subarray(from, from + Number(size));
    }
    return undefined;
  }
}
