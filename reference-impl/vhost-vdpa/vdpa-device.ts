import type { ParentDriver, StepOutcome } from '../devices/parent-driver.ts';
import { AddressSpaces } from '../vhost-kernel/address-spaces.ts';
import type { RingChange } from '../vhost-kernel/core-calls.ts';
import type { RingEvents } from '../vhost-kernel/ring-events.ts';
import type { EventToken } from '../vhost-kernel/vhost-edge.ts';
import { ringLayoutOf } from '../virtqueue/feature-bits.ts';
import type { RingLayout } from '../virtqueue/ring.ts';
import { errno } from '../wire/errno.ts';

import { type CalledVdpa, vdpaCall } from './vdpa-calls.ts';
import type { VdpaEdge } from './vdpa-edge.ts';
import { type VdpaRing, VdpaRings } from './vdpa-rings.ts';
import type { IovaRange, PageRequest, VdpaRules } from './vdpa-rules.ts';

const status = { DRIVER_OK: 4, FEATURES_OK: 8 } as const;

/** VHOST_BACKEND_F_*: IOTLB_MSG_V2, IOTLB_BATCH, IOTLB_ASID, SUSPEND, RESUME, ENABLE_AFTER_DRIVER_OK, IOTLB_PERSIST. */
const backendBits = [1, 2, 3, 4, 5, 6, 8] as const;
const asidBit = 1n << 3n;
const offeredBackend = backendBits.reduce((word, bit) => word | (1n << BigInt(bit)), 0n);

/** As much as an IOMMU of 48 bits reaches, but for the first page. */
const range: IovaRange = { first: 0x1000n, last: 0xffff_ffff_ffffn };
const spaceCount = 2;

/**
 * A vhost-vdpa character device over a parent driver: what the vhost core of the kernel does, and what a vDPA parent does
 * below it. No I/O: calls come in, the rest goes through the edge. Every call returns what the kernel's would: a count or
 * 0, or an error number negated.
 */
export class VdpaDevice implements CalledVdpa {
  readonly rules: VdpaRules;
  readonly parent: ParentDriver;
  readonly edge: VdpaEdge;
  readonly rings: VdpaRings;
  readonly spaces: AddressSpaces;
  readonly range: IovaRange;
  readonly offeredBackend = offeredBackend;
  readonly spaceCount = spaceCount;
  backendFeatures = 0n;
  hasOwner = false;
  readonly #hasDoorbells: boolean;
  #status = 0;
  #isSuspended!: boolean;
  #opens = 0;
  /** By group, the number of its address space. */
  readonly #spaceOfGroup: number[];

  /**
   * The parent's `create` and this come together: the device is its parent's from here on.
   * @param hasDoorbells whether each doorbell has a page of its own.
   */
  constructor(parent: ParentDriver, edge: VdpaEdge, rules: VdpaRules, hasDoorbells = true) {
    this.#hasDoorbells = hasDoorbells;
    this.parent = parent;
    this.edge = edge;
    this.rules = rules;
    this.range = rules.identity.range(range);
    this.#spaceOfGroup = new Array<number>(this.groupCount);
    this.rings = new VdpaRings({
      parent,
      edge,
      rules,
      memoryOf: (index) => {
        return this.spaces.memoryMap(this.#spaceOfGroup[index] as number);
      },
      state: () => ({ driverOk: this.isRunning, suspended: this.#isSuspended }),
    });
    this.spaces = new AddressSpaces({
      edge,
      rules: rules.iotlb,
      spaces: spaceCount,
      bounds: range,
      carriesSpace: () => (this.backendFeatures & asidBit) !== 0n,
      changed: () => this.rings.move(),
    });
    parent.setSinks({
      signalCall: (queue) => this.events.signal('call', queue),
      signalError: () => this.#broke(),
      // A ring that lacks a translation waits, and tries again when it is kicked or memory changes.
      missed: () => {},
      storedNotification: (stored) => {
        const queue = rules.doorbell.queueOf(stored);
        if (queue !== undefined) this.rings.kicked(queue);
      },
    });
    this.reset();
  }

  get status(): number {
    return this.#status;
  }

  get offeredFeatures(): bigint {
    return this.rules.features.offered(this.parent.supportedFeatures);
  }

  /** DRIVER_OK is set. */
  get isRunning(): boolean {
    return (this.#status & status.DRIVER_OK) !== 0;
  }

  get areFeaturesFixed(): boolean {
    return (this.#status & status.FEATURES_OK) !== 0;
  }

  get records(): readonly VdpaRing[] {
    return this.rings.records;
  }

  get events(): RingEvents {
    return this.rings.events;
  }

  /** Addresses and base are those of the start, unless the device rests. */
  changeError(change: RingChange): number {
    const isFixed = this.isRunning && !this.#isSuspended && !this.rules.ring.changesWhileRunning;
    return isFixed && change !== 'size' ? errno.EINVAL : 0;
  }

  /** Of a ring that runs, where it started. */
  baseOf({ base }: VdpaRing): number {
    return base;
  }

  get layout(): RingLayout {
    return ringLayoutOf(this.parent.features);
  }

  /** Each ring is a group of its own. */
  get groupCount(): number {
    return this.parent.queueCount;
  }

  /** An error number, or 0. */
  open(): number {
    const { life } = this.rules;
    const error = life.openError(this.#opens);
    if (error !== 0) return error;
    this.#opens++;
    this.#status = life.statusAtOpen;
    return 0;
  }

  /** A file was closed. */
  closed(): void {
    this.#opens--;
    this.reset();
    if (this.rules.life.dropsEvents) this.events.drop();
    this.hasOwner = false;
    this.backendFeatures = 0n;
    this.spaces.clear();
  }

  ioctl(request: number, argument: Uint8Array): number {
    return vdpaCall(this, request, argument);
  }

  write(bytes: Uint8Array): number {
    if (!this.hasOwner && this.rules.life.needsOwner) return -errno.EFAULT;
    return this.spaces.write(bytes);
  }

  /** The doorbell of a queue, which is notified by a store of its 16-bit number at the start, or an error negated. */
  map(request: PageRequest): Uint8Array | number {
    const { pageSize } = this.edge;
    if (!this.rules.doorbell.accepts(request, pageSize)) return -errno.EINVAL;
    if (!this.#hasDoorbells && this.rules.doorbell.refusesWithoutPage) return -errno.ENOTSUPP;
    return this.parent.notifyPage(request.page, pageSize).subarray(0, request.length);
  }

  setStatus(value: number): number {
    const { acceptsRemoval, afterZero, zeroResets } = this.rules.status;
    if (value === 0) {
      if (zeroResets) this.reset();
      this.#status = afterZero(this.#status);
      return 0;
    }
    if ((this.#status & ~value) !== 0 && !acceptsRemoval) return errno.EINVAL;
    this.#status = value;
    this.rings.settle();
    return 0;
  }

  /** A device that does not run is not suspended. */
  setSuspended(suspended: boolean): void {
    this.#isSuspended = suspended && this.isRunning;
    this.rules.suspend.settles(this.rings.records, suspended);
    this.rings.settle();
  }

  setGroupSpace(group: number, space: number): void {
    this.#spaceOfGroup[group] = this.rules.groups.spaceOf(space);
  }

  setConfigCall(token: EventToken | undefined): void {
    if (!this.rules.config.callIsReplaced && token !== undefined && this.events.has('config', 0)) {
      this.edge.releaseEvent(token);
      return;
    }
    this.events.set('config', 0, token);
  }

  /** As the device was made, but for its status, mappings, events and stored data. */
  reset(): void {
    this.#isSuspended = false;
    this.rings.forget();
    this.#spaceOfGroup.fill(0);
    if (!this.rules.iotlb.outliveReset) this.spaces.clear();
    this.parent.reset();
  }

  /** Carries out one chain at most. */
  step(): StepOutcome {
    this.rings.takeKicks();
    return this.parent.step();
  }

  /** A ring is broken. Its event for errors is never signalled, as no parent driver has one. */
  #broke(): void {
    this.#status = this.rules.status.broken(this.#status);
    if (this.rules.status.callsWhenBroken) this.events.signal('config', 0);
  }
}
