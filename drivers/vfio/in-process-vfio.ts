import { errno, errorName } from '../../reference-impl/wire/errno.ts';
import type { VfioFile, VfioMapping } from '../port/vhost-mdev-door.ts';
import { InProcessDevice } from '../session/in-process-device.ts';
import type { VfioCarrier } from './vfio-carrier.ts';

/** A reference device that is called as one behind VFIO is. A call answers a count or 0, or an error number negated. */
export interface ServedVfio {
  readonly container: { ioctl(request: number, argument: Uint8Array): number; clear(): void };
  open(): ServedVfioFile | number;
  /** Whether what was notified before is done ahead of an access at a file position. */
  settlesAhead(access: 'read' | 'write' | 'map', position: number): boolean;
  step(): string;
}

export interface ServedVfioFile {
  ioctl(request: number, argument: Uint8Array): number;
  pread(position: number, count: number, target: Uint8Array): number;
  pwrite(position: number, count: number, source: Uint8Array): number;
  map(position: number, length: number): Uint8Array | number;
  close(): void;
}

/** A reference behind VFIO in this process, stepped by each wait for it. */
export class InProcessVfio<Device extends ServedVfio = ServedVfio>
  extends InProcessDevice<Device>
  implements VfioCarrier
{
  readonly #files = new Set<InProcessFile>();

  open(): ReturnType<VfioCarrier['open']> {
    if (this.brokenDown !== undefined) return { kind: 'refused', why: `the device broke down: ${this.brokenDown}` };
    const { device } = this;
    const opened = device.open();
    if (typeof opened === 'number') return { kind: 'refused', why: errorName(opened) };
    const file = new InProcessFile(opened, device, this, () => {
      this.#files.delete(file);
      // The container ends with the last who uses it, and its mappings with it.
      if (this.#files.size === 0) this.guarded(() => device.container.clear());
    });
    this.#files.add(file);
    return { kind: 'opened', file };
  }

  override close(): void {
    this.guarded(() => this.device.container.clear());
    super.close();
  }
}

/** An open file. One that was closed answers EBADF, and one whose device was removed ENODEV. */
class InProcessFile implements VfioFile {
  readonly #file: ServedVfioFile;
  readonly #device: ServedVfio;
  readonly #carrier: InProcessVfio;
  readonly #closed: () => void;
  #isOpen = true;

  constructor(file: ServedVfioFile, device: ServedVfio, carrier: InProcessVfio, closed: () => void) {
    this.#file = file;
    this.#device = device;
    this.#carrier = carrier;
    this.#closed = closed;
  }

  ioctl(request: number, argument: Uint8Array): number {
    return this.#call(true, () => this.#file.ioctl(request, argument));
  }

  containerIoctl(request: number, argument: Uint8Array): number {
    return this.#call(true, () => this.#device.container.ioctl(request, argument));
  }

  pread(position: number, bytes: Uint8Array, count = bytes.length): number {
    const settles = this.#device.settlesAhead('read', position);
    return this.#call(settles, () => this.#file.pread(position, count, bytes));
  }

  pwrite(position: number, bytes: Uint8Array, count = bytes.length): number {
    const settles = this.#device.settlesAhead('write', position);
    return this.#call(settles, () => this.#file.pwrite(position, count, bytes));
  }

  map(position: number, length: number): VfioMapping | number {
    const settles = this.#device.settlesAhead('map', position);
    const bytes = this.#call(settles, () => this.#file.map(position, length));
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
    if (this.#carrier.device !== this.#device) return -errno.ENODEV;
    if (settles) this.#carrier.settle();
    return this.#carrier.guarded(act);
  }
}
