import type { ParentDriver } from '../../reference-impl/devices/parent-driver.ts';
import { MdevDevice } from '../../reference-impl/vhost-mdev/mdev-device.ts';
import type { MdevEdge } from '../../reference-impl/vhost-mdev/mdev-edge.ts';
import type { MdevFile } from '../../reference-impl/vhost-mdev/mdev-file.ts';
import type { MdevRules } from '../../reference-impl/vhost-mdev/mdev-rules.ts';
import { type Breakdown, BrokenDown } from '../../reference-impl/vhost-user/back-end-edge.ts';
import { errno, errorName } from '../../reference-impl/wire/errno.ts';
import { VFIO_REGION_SPAN } from '../../reference-impl/wire/vfio-structures.ts';
import type { VfioFile, VfioMapping } from '../port/vhost-mdev-door.ts';
import { EventHolder } from './event-holder.ts';
import type { VfioCarrier } from './vfio-carrier.ts';

const pageSize = 4096;
/** Chains carried out ahead of a call. */
const chainsPerCall = 4096;

interface LentMemory {
  readonly userAddress: bigint;
  readonly bytes: Uint8Array;
}

/** The reference vhost-mdev of this process, stepped by each wait for it. */
export class InProcessVfio implements VfioCarrier {
  readonly pageSize = pageSize;
  readonly #makeParent: () => ParentDriver;
  readonly #rules: MdevRules;
  readonly #events = new EventHolder();
  readonly #lent = new Set<LentMemory>();
  readonly #files = new Set<InProcessFile>();
  #device: MdevDevice;
  #brokenDown: Breakdown | undefined;

  constructor(makeParent: () => ParentDriver, rules: MdevRules) {
    this.#makeParent = makeParent;
    this.#rules = rules;
    this.#device = this.#make();
  }

  get device(): MdevDevice {
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

  open(): ReturnType<VfioCarrier['open']> {
    if (this.#brokenDown !== undefined) return { kind: 'refused', why: `the device broke down: ${this.#brokenDown}` };
    const device = this.#device;
    const opened = device.open();
    if (typeof opened === 'number') return { kind: 'refused', why: errorName(opened) };
    const file = new InProcessFile(opened, this, () => {
      this.#files.delete(file);
      // The container ends with the last who uses it, and its mappings with it.
      if (this.#files.size === 0) this.guarded(() => device.container.clear());
    });
    this.#files.add(file);
    return { kind: 'opened', file };
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
    this.guarded(() => this.#device.container.clear());
    this.#events.releaseAll();
  }

  #make(): MdevDevice {
    const edge: MdevEdge = {
      pageSize,
      holdEvent: (descriptor) => this.#events.hold(descriptor),
      releaseEvent: (token) => this.#events.release(token),
      signal: (token) => this.#events.signal(token),
      userMemory: (userAddress, size) => this.#userMemory(userAddress, size),
    };
    return new MdevDevice(this.#makeParent(), edge, this.#rules);
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
class InProcessFile implements VfioFile {
  readonly #file: MdevFile;
  readonly #carrier: InProcessVfio;
  readonly #closed: () => void;
  #isOpen = true;

  constructor(file: MdevFile, carrier: InProcessVfio, closed: () => void) {
    this.#file = file;
    this.#carrier = carrier;
    this.#closed = closed;
  }

  ioctl(request: number, argument: Uint8Array): number {
    return this.#call(true, () => this.#file.ioctl(request, argument));
  }

  containerIoctl(request: number, argument: Uint8Array): number {
    return this.#call(true, () => this.#file.device.container.ioctl(request, argument));
  }

  pread(position: number, bytes: Uint8Array): number {
    return this.#call(false, () => this.#file.pread(position, bytes.length, bytes));
  }

  pwrite(position: number, bytes: Uint8Array): number {
    const region = this.#file.device.rules.layout.regions[Math.floor(position / VFIO_REGION_SPAN)];
    return this.#call(region?.use !== 'doorbells', () => this.#file.pwrite(position, bytes.length, bytes));
  }

  map(position: number, length: number): VfioMapping | number {
    const bytes = this.#call(false, () => this.#file.map(position, length, true));
    return typeof bytes === 'number' ? bytes : { bytes, unmap: () => {} };
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#carrier.settle();
    this.#carrier.guarded(() => this.#file.close());
    this.#closed();
  }

  #call<Result>(settles: boolean, act: () => Result): Result | number {
    if (!this.#isOpen) return -errno.EBADF;
    if (this.#carrier.device !== this.#file.device) return -errno.ENODEV;
    if (settles) this.#carrier.settle();
    return this.#carrier.guarded(act);
  }
}
