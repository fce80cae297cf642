import type { ParentDriver } from '../../reference-impl/devices/parent-driver.ts';
import { VdpaDevice } from '../../reference-impl/vhost-vdpa/vdpa-device.ts';
import type { VdpaRules } from '../../reference-impl/vhost-vdpa/vdpa-rules.ts';
import { errno, errorName } from '../../reference-impl/wire/errno.ts';
import type { VdpaFile, VdpaMapping, VdpaPageRequest } from '../port/vhost-vdpa-door.ts';
import { InProcessDevice } from '../session/in-process-device.ts';
import type { VdpaCarrier } from './vdpa-carrier.ts';

/** The reference vhost-vdpa of this process, stepped by each wait for it. */
export class InProcessVdpa extends InProcessDevice<VdpaDevice> implements VdpaCarrier {
  constructor(makeParent: () => ParentDriver, rules: VdpaRules, hasDoorbells: boolean) {
    super((edge) => new VdpaDevice(makeParent(), edge, rules, hasDoorbells));
  }

  open(): ReturnType<VdpaCarrier['open']> {
    if (this.brokenDown !== undefined) return { kind: 'refused', why: `the device broke down: ${this.brokenDown}` };
    const error = this.device.open();
    if (error !== 0) return { kind: 'refused', why: errorName(-error) };
    return { kind: 'opened', file: new InProcessFile(this) };
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
