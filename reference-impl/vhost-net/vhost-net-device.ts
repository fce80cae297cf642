import { featureMask } from '../catalogue/feature-set.ts';
import type { ParentDriver, StepOutcome } from '../devices/parent-driver.ts';
import type { MemoryMap } from '../memory/memory-map.ts';
import { AddressSpaces } from '../vhost-kernel/address-spaces.ts';
import type { RingChange } from '../vhost-kernel/core-calls.ts';
import type { RingEvents } from '../vhost-kernel/ring-events.ts';
import { ringLayoutOf, VIRTIO_F_ACCESS_PLATFORM } from '../virtqueue/feature-bits.ts';
import type { RingLayout } from '../virtqueue/ring.ts';
import { errno } from '../wire/errno.ts';
import { DeviceLog } from './device-log.ts';
import { MemoryTable } from './memory-table.ts';
import { MissMessages } from './miss-messages.ts';
import { type CalledVhostNet, vhostNetCall } from './vhost-net-calls.ts';
import type { VhostNetEdge } from './vhost-net-edge.ts';
import { type NetRing, VhostNetRings } from './vhost-net-rings.ts';
import type { VhostNetRules } from './vhost-net-rules.ts';

const offeredBackend = featureMask('VHOST_BACKEND_F_IOTLB_MSG_V2');

/** The one address space of vhost-net. */
const space = 0;

/**
 * One open /dev/vhost-net over a network device. No I/O: calls come in, the rest goes through the edge. Every call returns
 * what the kernel's would: a count or 0, or an error number negated.
 */
export class VhostNetDevice implements CalledVhostNet {
  readonly rules: VhostNetRules;
  readonly parent: ParentDriver;
  readonly edge: VhostNetEdge;
  readonly rings: VhostNetRings;
  readonly log: DeviceLog;
  readonly offeredBackend = offeredBackend;
  backendFeatures = 0n;
  hasOwner = false;
  table = new MemoryTable();
  readonly #spaces: AddressSpaces;
  readonly #misses: MissMessages;

  /** The parent's `create` and this come together: the device is its parent's from here on. */
  constructor(parent: ParentDriver, edge: VhostNetEdge, rules: VhostNetRules) {
    this.parent = parent;
    this.edge = edge;
    this.rules = rules;
    this.rings = new VhostNetRings({
      parent,
      edge,
      rules,
      memory: () => this.#memory(),
      missed: (memory) => this.#missed(memory),
    });
    this.log = new DeviceLog(edge, rules.log, () => this.events.signal('log', 0));
    this.#misses = new MissMessages(rules.miss);
    this.#spaces = new AddressSpaces({
      edge,
      rules: rules.iotlb,
      spaces: 1,
      bounds: { first: 0n, last: (1n << 64n) - 1n },
      carriesSpace: () => false,
      changed: () => this.rings.move(rules.miss.continues),
    });
    parent.setSinks({
      signalCall: (queue) => this.events.signal('call', queue),
      signalError: (queue) => this.events.signal('err', queue),
      missed: () => this.#missed(this.rings.memory),
      wroteMemory: (address, length) => this.#wroteMemory(address, length),
      wroteRing: (queue, area, offset, length) => {
        if (area === 'device') this.#wroteUsedRing(this.records[queue] as NetRing, offset, length);
      },
    });
  }

  get records(): readonly NetRing[] {
    return this.rings.records;
  }

  get events(): RingEvents {
    return this.rings.events;
  }

  get offeredFeatures(): bigint {
    return this.rules.features.offered(this.parent.supportedFeatures);
  }

  get layout(): RingLayout {
    return ringLayoutOf(this.parent.features);
  }

  changeError(change: RingChange, { backend }: NetRing): number {
    const isFixed = backend !== undefined && change !== 'addresses' && !this.rules.ring.changesWhileActive;
    return isFixed ? errno.EBUSY : 0;
  }

  baseOf(ring: NetRing): number {
    return this.rings.baseOf(ring);
  }

  setFeatures(word: bigint): void {
    this.parent.setFeatures(word & this.parent.supportedFeatures);
    this.log.setFeatures(word);
    if (this.#translates) this.#spaces.clear();
  }

  setTable(table: MemoryTable): void {
    this.table = table;
    if (!this.#translates) this.rings.move();
  }

  resetOwner(): void {
    this.hasOwner = false;
    if (this.rules.owner.forgets) this.#forget();
  }

  /** The file was closed. */
  closed(): void {
    this.#forget();
    this.hasOwner = false;
  }

  ioctl(request: number, argument: Uint8Array): number {
    return vhostNetCall(this, request, argument);
  }

  /** A message of the IOTLB. */
  write(bytes: Uint8Array): number {
    return this.#translates ? this.#spaces.write(bytes) : -errno.EFAULT;
  }

  /** The next message, or an error number negated: EAGAIN where there is none. */
  read(length: number): Uint8Array | number {
    return this.#misses.read(length);
  }

  /** Carries out one chain at most. */
  step(): StepOutcome {
    this.rings.takeKicks();
    return this.parent.step();
  }

  get #translates(): boolean {
    return (this.parent.features & VIRTIO_F_ACCESS_PLATFORM) !== 0n;
  }

  #memory(): MemoryMap {
    return this.#translates ? this.#spaces.memoryMap(space) : this.table.map();
  }

  #missed(memory: MemoryMap | undefined): void {
    const fault = memory?.lastFault;
    if (fault !== undefined) this.#misses.tell(fault, (this.backendFeatures & offeredBackend) !== 0n);
  }

  /** @param address guest-physical, or I/O-virtual where addresses are translated. */
  #wroteMemory(address: bigint, length: number): void {
    const { translatedBuffer } = this.rules.log;
    const guestAddress = this.#translates ? translatedBuffer(this.#guestAddressOf(address), address) : address;
    if (guestAddress !== undefined) this.log.wrote(this.table, guestAddress, length);
  }

  /** Where addresses are translated, the guest-physical address of the used ring is known without being told. */
  #wroteUsedRing({ log, addresses: { used } }: NetRing, offset: number, length: number): void {
    if (this.layout !== 'split') return;
    const { translatedUsedRing } = this.rules.log;
    const address = this.#translates ? translatedUsedRing(this.#guestAddressOf(used), log.address) : log.address;
    if (address === undefined) return;
    this.log.wroteUsedRing(this.table, { ...log, address }, used, offset, length);
  }

  #guestAddressOf(ioVirtualAddress: bigint): bigint | undefined {
    const userAddress = this.#spaces.userAddressOf(space, ioVirtualAddress);
    return userAddress === undefined ? undefined : this.table.guestAddressOf(userAddress);
  }

  #forget(): void {
    this.rings.forget();
    this.events.drop();
    this.log.forget();
    this.#misses.forget();
    this.table = new MemoryTable();
    this.backendFeatures = 0n;
    this.parent.reset();
    this.#spaces.clear();
  }
}
