import type { ParentDriver, StepOutcome } from '../devices/parent-driver.ts';
import { MemoryMap } from '../memory/memory-map.ts';
import { errno } from '../wire/errno.ts';
import { VFIO_REGION_SPAN } from '../wire/vfio-structures.ts';
import { type CalledDevice, deviceCall } from './device-calls.ts';
import { DmaContainer } from './dma-container.ts';
import { Doorbells } from './doorbells.ts';
import { Interrupts } from './interrupts.ts';
import type { DeviceChange } from './life-rules.ts';
import type { MdevEdge } from './mdev-edge.ts';
import { MdevFile, type OpenedDevice } from './mdev-file.ts';
import { msixPendingOffset, type RegionUse } from './mdev-layout.ts';
import type { MdevRules } from './mdev-rules.ts';
import type { TableRegion } from './mdev-state.ts';
import { MessageChannel } from './message-channel.ts';
import { PciConfigSpace } from './pci-config-space.ts';
import { RingSet } from './ring-set.ts';

const overlap = (start: (region: TableRegion) => bigint, a: TableRegion, b: TableRegion): boolean =>
  start(a) < start(b) + b.size && start(b) < start(a) + a.size;

/**
 * A mediated device that speaks vhost in its regions, over a parent driver. It does no I/O: calls come in, the rest goes
 * through the edge. Every call returns what the kernel's would: a count or 0, or an error number negated.
 */
export class MdevDevice implements CalledDevice, OpenedDevice {
  readonly rules: MdevRules;
  readonly parent: ParentDriver;
  readonly rings: RingSet;
  readonly interrupts: Interrupts;
  readonly container: DmaContainer;
  readonly channel: MessageChannel;
  readonly doorbells: Doorbells;
  /** What was remembered of the last SET_FEATURES. */
  features = 0n;
  logBase = 0n;
  readonly #edge: MdevEdge;
  readonly #pciConfig: PciConfigSpace;
  readonly #msixTable: Uint8Array;
  #isRunning = false;
  #opens = 0;

  /** The parent's `create` and this come together: the device is its parent's from here on. */
  constructor(parent: ParentDriver, edge: MdevEdge, rules: MdevRules) {
    this.parent = parent;
    this.#edge = edge;
    this.rules = rules;
    this.rings = new RingSet(parent, rules.ring, rules.layout);
    this.interrupts = new Interrupts(edge, rules.interrupt, parent.queueCount);
    this.container = new DmaContainer(edge, rules.dma, () => this.rings.move(this.memory));
    this.channel = new MessageChannel(this, rules.channel, rules.messages, rules.layout.largestPayload);
    this.doorbells = new Doorbells(this, rules.doorbell, this.#sizeOf('doorbells'), edge.pageSize);
    this.#msixTable = new Uint8Array(this.#sizeOf('msix-table'));
    this.#pciConfig = new PciConfigSpace(rules.pciConfig, {
      deviceId: parent.deviceId,
      vectors: parent.queueCount,
      barSizes: [this.#sizeOf('messages'), this.#sizeOf('doorbells'), this.#sizeOf('msix-table')],
      pendingOffset: msixPendingOffset(parent.queueCount),
    });
    parent.setSinks({
      signalCall: (queue) => this.interrupts.call(queue),
      signalError: () => {},
      storedNotification: (queue) => rules.doorbell.stored(this, queue),
      used: (queue) => rules.interrupt.atUsed(this.interrupts, queue),
    });
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** All that the device reaches now. */
  get memory(): MemoryMap {
    return this.rules.layout.memory === 'table' ? this.rings.table : this.container.memoryMap();
  }

  get offeredFeatures(): bigint {
    return this.rules.features.offered(this.parent.supportedFeatures, this.features);
  }

  /** Bytes of a region; 0 for an index without one. */
  regionSize(index: number): number {
    return this.rules.layout.regions[index]?.size(this.parent.queueCount, this.#edge.pageSize) ?? 0;
  }

  open(): MdevFile | number {
    const { openError, atOpen, atRefusedOpen } = this.rules.life;
    const error = openError(this.#opens, this);
    if (error !== 0) {
      for (const change of atRefusedOpen) change(this);
      return -error;
    }
    for (const change of atOpen) change(this);
    this.#opens++;
    return new MdevFile(this);
  }

  /** A file was closed. */
  closed(): void {
    this.#opens--;
    if (this.#opens === 0) this.#change(this.rules.life.atClose);
  }

  /** VFIO_DEVICE_RESET. */
  resetCall(): number {
    const { resetError, atReset } = this.rules.life;
    const error = resetError(this);
    if (error !== 0) return -error;
    this.#change(atReset);
    return 0;
  }

  /** Configuration space and the MSI-X table of layout L1 as they were made. */
  forgetConfigSpace(): void {
    this.#pciConfig.reset();
    this.#msixTable.fill(0);
  }

  /** What was accepted, and with it all that the parent knows but stored data. */
  forgetFeatures(): void {
    this.features = this.logBase = 0n;
    this.parent.reset();
  }

  ioctl(request: number, argument: Uint8Array): number {
    return deviceCall(this, request, argument);
  }

  /** Reads at a file position: the region's index in the bits from 40 on, the offset in it below. */
  read(position: number, target: Uint8Array): number {
    const index = Math.floor(position / VFIO_REGION_SPAN);
    const offset = position % VFIO_REGION_SPAN;
    switch (this.#useOf(index)) {
      case 'messages':
        return this.channel.read(offset, target);
      case 'doorbells':
        return this.doorbells.read();
      case 'msix-table':
      case 'pci-config':
        return this.#plain(index, offset, target, (use, part) => {
          if (use === 'pci-config') this.#pciConfig.read(offset, part);
          else {
            const at = this.rules.pciConfig.tableReadAt(offset);
            part.set(this.#msixTable.subarray(at, at + part.length));
          }
        });
      case 'absent':
        return this.rules.calls.absentAccess;
    }
  }

  /** The same for writing. */
  write(position: number, source: Uint8Array): number {
    const index = Math.floor(position / VFIO_REGION_SPAN);
    const offset = position % VFIO_REGION_SPAN;
    switch (this.#useOf(index)) {
      case 'messages':
        return this.channel.write(offset, source);
      case 'doorbells':
        return this.doorbells.write(offset, source);
      case 'msix-table':
      case 'pci-config':
        return this.#plain(index, offset, source, (use, part) => {
          if (use === 'pci-config') this.#pciConfig.write(offset, part);
          else for (const [n, byte] of part.entries()) this.#msixTable[offset + n] = byte;
        });
      case 'absent':
        return this.rules.calls.absentAccess;
    }
  }

  /** Maps a part of the file: the bytes, or an error negated. */
  map(position: number, length: number): Uint8Array | number {
    const index = Math.floor(position / VFIO_REGION_SPAN);
    if (this.#useOf(index) !== 'doorbells') return this.rules.calls.mapElsewhere(length);
    return this.doorbells.map(position % VFIO_REGION_SPAN, length);
  }

  setFeatures(word: bigint): number {
    const { accepts, changesWhileRunning, taken, leftByRefused, remembered } = this.rules.features;
    if (this.#isRunning && !changesWhileRunning) return errno.EBUSY;
    const { features } = this.parent;
    const isTaken = accepts(word, this.offeredFeatures);
    this.parent.setFeatures(isTaken ? taken(features, word, this.offeredFeatures) : leftByRefused(features));
    this.features = remembered(word, isTaken);
    return isTaken ? 0 : errno.EINVAL;
  }

  /** DEVICE_SET_STATE: an error number, or 0. The same state again has no effect. */
  setRunning(running: boolean): number {
    if (running === this.#isRunning) return 0;
    if (!running) {
      this.#stop();
      return 0;
    }
    if (this.rings.start(this.memory) !== undefined) return errno.EFAULT;
    this.#isRunning = true;
    return 0;
  }

  /** SET_MEM_TABLE: an error number, or 0. The table is taken as a whole or not at all. */
  setMemoryTable(regions: readonly TableRegion[]): number {
    const table: (TableRegion & { readonly bytes: Uint8Array })[] = [];
    for (const region of regions) {
      const isClash = (other: TableRegion): boolean =>
        overlap((one) => one.guestAddress, region, other) || overlap((one) => one.userAddress, region, other);
      if (region.size === 0n || table.some(isClash)) return errno.EINVAL;
      const bytes = this.#edge.userMemory(region.userAddress, region.size);
      if (bytes === undefined) return errno.EFAULT;
      table.push({ ...region, bytes });
    }
    this.rings.table = new MemoryMap(table);
    this.rings.move(this.memory);
    return 0;
  }

  /** Carries out one chain at most. */
  step(): StepOutcome {
    return this.#isRunning ? this.parent.step() : 'idle';
  }

  #change(changes: readonly DeviceChange[]): void {
    for (const change of changes) change(this);
  }

  /** What is in flight ends with it: the parent begins anew with the features that it was told. */
  #stop(): void {
    this.rings.stop();
    this.#isRunning = false;
    const { features } = this.parent;
    this.parent.reset();
    this.parent.setFeatures(features);
  }

  #useOf(index: number): RegionUse {
    return this.rules.layout.regions[index]?.use ?? 'absent';
  }

  #sizeOf(use: RegionUse): number {
    return this.regionSize(this.rules.layout.regions.findIndex((region) => region.use === use));
  }

  /** A region of plain bytes: behind its end there is nothing to read or to write. */
  #plain(index: number, offset: number, user: Uint8Array, act: (use: RegionUse, part: Uint8Array) => void): number {
    const length = this.rules.pciConfig.lengthOf(offset, user.length, this.regionSize(index));
    act(this.#useOf(index), user.subarray(0, length));
    return length;
  }
}
