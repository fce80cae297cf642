import type { ParentDriver } from '../../reference-impl/devices/parent-driver.ts';
import { MdevDevice } from '../../reference-impl/vhost-mdev/mdev-device.ts';
import type { MdevFile } from '../../reference-impl/vhost-mdev/mdev-file.ts';
import type { MdevRules } from '../../reference-impl/vhost-mdev/mdev-rules.ts';
import { errno, errorName } from '../../reference-impl/wire/errno.ts';
import { VFIO_REGION_SPAN } from '../../reference-impl/wire/vfio-structures.ts';
import type { VfioFile, VfioMapping } from '../port/vhost-mdev-door.ts';
import { InProcessDevice } from '../session/in-process-device.ts';
import type { VfioCarrier } from './vfio-carrier.ts';

/** The reference vhost-mdev of this process, stepped by each wait for it. */
export class InProcessVfio extends InProcessDevice<MdevDevice> implements VfioCarrier {
  readonly #files = new Set<InProcessFile>();

  constructor(makeParent: () => ParentDriver, rules: MdevRules) {
    super((edge) => new MdevDevice(makeParent(), edge, rules));
  }

  open(): ReturnType<VfioCarrier['open']> {
    if (this.brokenDown !== undefined) return { kind: 'refused', why: `the device broke down: ${this.brokenDown}` };
    const { device } = this;
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

  override close(): void {
    this.guarded(() => this.device.container.clear());
    super.close();
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
