import type { ParentDriver } from '../../reference-impl/devices/parent-driver.ts';
import { errorName } from '../../reference-impl/mdev/error-numbers.ts';
import { MdevDevice } from '../../reference-impl/mdev/mdev-device.ts';
import type { MdevEdge } from '../../reference-impl/mdev/mdev-edge.ts';
import type { MdevFile } from '../../reference-impl/mdev/mdev-file.ts';
import type { MdevRules } from '../../reference-impl/mdev/mdev-rules.ts';
import { EventHolder } from './event-holder.ts';
import type { VfioCarrier, VfioFile, VfioMapping } from './vfio-carrier.ts';

const pageSize = 4096;

interface LentMemory {
  readonly userAddress: bigint;
  readonly bytes: Uint8Array;
}

/** The reference vhost-mdev of this very process, stepped by whoever waits for it. */
export class InProcessVfio implements VfioCarrier {
  readonly pageSize = pageSize;
  readonly #makeParent: () => ParentDriver;
  readonly #rules: MdevRules;
  readonly #events = new EventHolder();
  readonly #lent = new Set<LentMemory>();
  readonly #files = new Set<InProcessFile>();
  #device: MdevDevice;

  constructor(makeParent: () => ParentDriver, rules: MdevRules) {
    this.#makeParent = makeParent;
    this.#rules = rules;
    this.#device = this.#make();
  }

  get device(): MdevDevice {
    return this.#device;
  }

  /** Eventfds that the device holds. */
  get heldEvents(): number {
    return this.#events.size;
  }

  open(): ReturnType<VfioCarrier['open']> {
    const device = this.#device;
    const opened = device.open();
    if (typeof opened === 'number') return { kind: 'refused', why: errorName(opened) };
    const file = new InProcessFile(opened, () => {
      this.#files.delete(file);
      // The container ends with the last who uses it, and its mappings with it.
      if (this.#files.size === 0) device.container.clear();
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
    return this.#device.step() === 'progressed';
  }

  /** A fresh device in place of the old one, whose files answer ENODEV from now on; stored data is gone. */
  restart(): void {
    this.close();
    this.#device = this.#make();
  }

  close(): void {
    this.#device.remove();
    this.#device.container.clear();
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

class InProcessFile implements VfioFile {
  readonly #file: MdevFile;
  readonly #closed: () => void;
  #isOpen = true;

  constructor(file: MdevFile, closed: () => void) {
    this.#file = file;
    this.#closed = closed;
  }

  ioctl(request: number, argument: Uint8Array): number {
    return this.#file.ioctl(request, argument);
  }

  containerIoctl(request: number, argument: Uint8Array): number {
    return this.#file.device.container.ioctl(request, argument);
  }

  pread(position: number, bytes: Uint8Array): number {
    return this.#file.pread(position, bytes.length, bytes);
  }

  pwrite(position: number, bytes: Uint8Array): number {
    return this.#file.pwrite(position, bytes.length, bytes);
  }

  map(position: number, length: number): VfioMapping | number {
    const bytes = this.#file.map(position, length, true);
    return typeof bytes === 'number' ? bytes : { bytes, unmap: () => {} };
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#file.close();
    this.#closed();
  }
}
