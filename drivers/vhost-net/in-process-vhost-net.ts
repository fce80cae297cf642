import type { ParentDriver } from '../../reference-impl/devices/parent-driver.ts';
import { VhostNetDevice } from '../../reference-impl/vhost-net/vhost-net-device.ts';
import type { VhostNetEdge } from '../../reference-impl/vhost-net/vhost-net-edge.ts';
import type { VhostNetRules } from '../../reference-impl/vhost-net/vhost-net-rules.ts';
import { errno } from '../../reference-impl/wire/errno.ts';
import { closeFd, socketPair } from '../native/native.ts';
import type { VhostNetFile } from '../port/vhost-kernel-door.ts';
import { InProcessDevice } from '../session/in-process-device.ts';
import type { NetworkQueue } from './network-queue.ts';
import type { VhostNetCarrier } from './vhost-net-carrier.ts';

/** Stands for a tap: a socket, as the reference takes one. Its network device has the station within it. */
export class InProcessNetwork implements NetworkQueue {
  readonly fd: number;
  readonly pollFd = -1;
  readonly #other: number;

  constructor() {
    [this.fd, this.#other] = socketPair();
  }

  onReady(): void {}
  setHeaderSize(): void {}
  drain(): void {}

  close(): void {
    for (const fd of [this.fd, this.#other]) closeFd(fd);
  }
}

/** The module: each open file is a device of its own. */
class VhostNetModule {
  readonly #open = new Set<VhostNetDevice>();
  readonly #make: () => VhostNetDevice;

  constructor(make: () => VhostNetDevice) {
    this.#make = make;
  }

  open(): VhostNetDevice {
    const device = this.#make();
    this.#open.add(device);
    return device;
  }

  closed(device: VhostNetDevice): void {
    this.#open.delete(device);
    device.closed();
  }

  /** Carries out one chain of each open file at most. */
  step(): 'idle' | 'progressed' {
    const outcomes = [...this.#open].map((device) => device.step());
    return outcomes.includes('progressed') ? 'progressed' : 'idle';
  }
}

export interface InProcessVhostNetOptions {
  readonly makeParent: () => ParentDriver;
  readonly rules: VhostNetRules;
  readonly network: NetworkQueue;
}

/** The reference vhost-net of this process, stepped by each wait for it. */
export class InProcessVhostNet extends InProcessDevice<VhostNetModule> implements VhostNetCarrier {
  constructor({ makeParent, rules, network }: InProcessVhostNetOptions) {
    super((edge) => {
      const ofNet: VhostNetEdge = { ...edge, isNetwork: (descriptor) => descriptor === network.fd };
      return new VhostNetModule(() => new VhostNetDevice(makeParent(), ofNet, rules));
    });
  }

  open(): ReturnType<VhostNetCarrier['open']> {
    if (this.brokenDown !== undefined) return { kind: 'refused', why: `the device broke down: ${this.brokenDown}` };
    return { kind: 'opened', file: new InProcessFile(this) };
  }
}

/** An open file. One that was closed answers EBADF, and one whose module was removed ENODEV. */
class InProcessFile implements VhostNetFile {
  readonly #carrier: InProcessVhostNet;
  readonly #module: VhostNetModule;
  readonly #device: VhostNetDevice;
  #isOpen = true;

  constructor(carrier: InProcessVhostNet) {
    this.#carrier = carrier;
    this.#module = carrier.device;
    this.#device = this.#module.open();
  }

  ioctl(request: number, argument: Uint8Array): number {
    return this.#call(() => this.#device.ioctl(request, argument));
  }

  write(bytes: Uint8Array): number {
    return this.#call(() => this.#device.write(bytes));
  }

  read(length: number): Uint8Array | number {
    return this.#call(() => this.#device.read(length));
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#carrier.settle();
    this.#isOpen = false;
    this.#carrier.guarded(() => this.#module.closed(this.#device));
  }

  #call<Result>(act: () => Result): Result | number {
    if (!this.#isOpen) return -errno.EBADF;
    if (this.#carrier.device !== this.#module) return -errno.ENODEV;
    this.#carrier.settle();
    return this.#carrier.guarded(act);
  }
}
