import type { ParentDriver } from '../../reference-impl/devices/parent-driver.ts';
import { type Breakdown, BrokenDown } from '../../reference-impl/vhost-user/back-end-edge.ts';
import { VdpaDevice } from '../../reference-impl/vhost-vdpa/vdpa-device.ts';
import type { VdpaEdge } from '../../reference-impl/vhost-vdpa/vdpa-edge.ts';
import type { VdpaRules } from '../../reference-impl/vhost-vdpa/vdpa-rules.ts';
import { errno, errorName } from '../../reference-impl/wire/errno.ts';
import type { VdpaFile, VdpaMapping, VdpaPageRequest } from '../port/vhost-vdpa-door.ts';
import { EventHolder } from '../vfio/event-holder.ts';
import type { VdpaCarrier } from './vdpa-carrier.ts';

const pageSize = 4096;
/** Chains carried out ahead of a call. */
const chainsPerCall = 4096;

interface LentMemory {
  readonly userAddress: bigint;
  readonly bytes: Uint8Array;
}

/** The reference vhost-vdpa of this process, stepped by each wait for it. */
export class InProcessVdpa implements VdpaCarrier {
  readonly pageSize = pageSize;
  readonly #makeParent: () => ParentDriver;
  readonly #rules: VdpaRules;
  readonly #events = new EventHolder();
  readonly #lent = new Set<LentMemory>();
  #device: VdpaDevice;
  #brokenDown: Breakdown | undefined;

  constructor(makeParent: () => ParentDriver, rules: VdpaRules) {
    this.#makeParent = makeParent;
    this.#rules = rules;
    this.#device = this.#make();
  }

  get device(): VdpaDevice {
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

  open(): ReturnType<VdpaCarrier['open']> {
    if (this.#brokenDown !== undefined) return { kind: 'refused', why: `the device broke down: ${this.#brokenDown}` };
    const error = this.#device.open();
    if (error !== 0) return { kind: 'refused', why: errorName(-error) };
    return { kind: 'opened', file: new InProcessFile(this) };
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
        if (!(error instanceof BrokenDown)) throw error;
        this.#brokenDown = error.how;
      }
    }
    return this.#brokenDown === 'hang' ? -errno.EINTR : -errno.ENODEV;
  }

  /** A fresh device in place of the old one, whose files answer ENODEV from now on; stored data is gone. */
  restart(): void {
    this.close();
    this.#device = this.#make();
    this.#brokenDown = undefined;
  }

  close(): void {
    this.#events.releaseAll();
  }

  #make(): VdpaDevice {
    const edge: VdpaEdge = {
      pageSize,
      holdEvent: (descriptor) => this.#events.hold(descriptor),
      releaseEvent: (token) => this.#events.release(token),
      signal: (token) => this.#events.signal(token),
      takeSignal: (token) => this.#events.take(token),
      userMemory: (userAddress, size) => this.#userMemory(userAddress, size),
    };
    return new VdpaDevice(this.#makeParent(), edge, this.#rules);
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

/** An open file. One that was closed answers EBADF, and one whose device was removed ENODEV. */
class InProcessFile implements VdpaFile {
  readonly #carrier: InProcessVdpa;
  readonly #device: VdpaDevice;
  #isOpen = true;

  constructor(carrier: InProcessVdpa) {
    this.#carrier = carrier;
    this.#device = carrier.device;
  }

  ioctl(request: number, argument: Uint8Array): number {
    return this.#call(() => this.#device.ioctl(request, argument));
  }

  write(bytes: Uint8Array): number {
    return this.#call(() => this.#device.write(bytes));
  }

  map({ page, length, isShared = true, isReadable = false }: VdpaPageRequest): VdpaMapping | number {
    const bytes = this.#call(() => this.#device.map({ page, length, isShared, isReadable }));
    return typeof bytes === 'number' ? bytes : { bytes, unmap: () => {} };
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#carrier.settle();
    this.#isOpen = false;
    this.#carrier.guarded(() => this.#device.closed());
  }

  #call<Result>(act: () => Result): Result | number {
    if (!this.#isOpen) return -errno.EBADF;
    if (this.#carrier.device !== this.#device) return -errno.ENODEV;
    this.#carrier.settle();
    return this.#carrier.guarded(act);
  }
}
