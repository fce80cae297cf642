import type { ParentDriver, StepOutcome } from '../devices/parent-driver.ts';
import type { MemoryMap } from '../memory/memory-map.ts';
import { type ConfiguredDevice, load, readCommonConfig, writeCommonConfig } from './common-config.ts';
import { FunctionConfigSpace, type ShownFunction } from './pci-config-space.ts';
import { type InterruptLines, PciInterrupts } from './pci-interrupts.ts';
import { structurePlaces } from './pci-layout.ts';
import { PciQueues } from './pci-queues.ts';
import type { VirtioPciRules } from './pci-rules.ts';

const status = { DRIVER_OK: 4, FEATURES_OK: 8, NEEDS_RESET: 0x40 } as const;
const pageSize = 0x1000;

/** What the function reaches on its bus. */
export interface FunctionBus extends Omit<InterruptLines, 'isMsixEnabled'> {
  /** Memory that DMA reaches now. */
  readonly memory: () => MemoryMap;
}

/** A virtio device as a function on a PCI bus, over a parent driver. No I/O: accesses come in, the rest goes to the bus. */
export class VirtioPciFunction implements ConfiguredDevice, ShownFunction {
  readonly rules: VirtioPciRules;
  readonly parent: ParentDriver;
  readonly queues: PciQueues;
  readonly interrupts: PciInterrupts;
  readonly config: FunctionConfigSpace;
  /** For 128 bits of features: what lies behind them is never kept. */
  readonly driverWindows = new Uint32Array(4);
  deviceFeatureSelect = 0;
  driverFeatureSelect = 0;
  queueSelect = 0;
  generation = 0;
  readonly #lacking: bigint;
  #status = 0;
  /** Configuration of the device as it was when some of it was last read. */
  #seen: Uint8Array | undefined;

  /** @param lacking features that it does not offer although it could. */
  constructor(parent: ParentDriver, rules: VirtioPciRules, bus: FunctionBus, lacking = 0n) {
    this.#lacking = lacking;
    this.parent = parent;
    this.rules = rules;
    const shape = { rules, queues: parent.queueCount, configSize: parent.configSize };
    this.queues = new PciQueues({
      parent,
      rules,
      memory: bus.memory,
      device: this,
    });
    this.interrupts = new PciInterrupts(rules.interrupt, rules.identity.vectors, {
      isMsixEnabled: () => this.config.isMsixEnabled,
      signalVector: (vector) => bus.signalVector(vector),
      pinChanged: () => bus.pinChanged(),
    });
    this.config = new FunctionConfigSpace({ ...shape, deviceId: parent.deviceId, device: this });
    parent.setSinks({
      signalCall: (queue) => this.interrupts.ofQueue(queue, this.queues.vectorOf(queue)),
      signalError: () => this.#broke(),
      // A ring that lacks a translation waits, and tries again when it is notified or memory changes.
      missed: () => {},
    });
  }

  get status(): number {
    return this.#status;
  }

  get isRunning(): boolean {
    return (this.#status & status.DRIVER_OK) !== 0;
  }

  get offeredFeatures(): bigint {
    return this.rules.features.offered(this.parent.supportedFeatures) & ~this.#lacking;
  }

  get isInterruptPending(): boolean {
    return this.interrupts.isPending;
  }

  get driverFeatures(): bigint {
    return this.driverWindows.reduceRight((word, window) => (word << 32n) | BigInt(window), 0n);
  }

  setStatus(value: number): void {
    const { afterZero, zeroResets } = this.rules.status;
    if (value === 0) {
      if (zeroResets) this.reset();
      this.#status = afterZero(this.#status);
      return;
    }
    const written = this.rules.status.written(value);
    const isAccepted = this.rules.features.accepts(this.driverFeatures);
    const kept = this.#status & status.NEEDS_RESET;
    this.#status = (isAccepted ? written : written & ~status.FEATURES_OK) | kept;
    this.parent.setFeatures(this.driverFeatures & this.parent.supportedFeatures);
    this.queues.settle();
  }

  /** All but the status. Selectors and features of the driver stay: who needs them writes them. */
  reset(): void {
    this.queues.reset();
    this.interrupts.reset();
    this.parent.reset();
  }

  readBar(offset: number, target: Uint8Array): void {
    const at = offset % pageSize;
    switch (offset - at) {
      case structurePlaces.common:
        readCommonConfig(this, at, target);
        return;
      case structurePlaces.isr:
        target[0] = this.interrupts.readIsr();
        return;
      case structurePlaces.device:
        this.#readConfig(at, target);
        return;
    }
  }

  writeBar(offset: number, source: Uint8Array): void {
    const at = offset % pageSize;
    if (this.isNotification(offset)) {
      this.#notified(source);
      return;
    }
    switch (offset - at) {
      case structurePlaces.common:
        writeCommonConfig(this, at, source);
        return;
      case structurePlaces.device:
        if (this.rules.config.takesWrites) this.parent.writeConfig?.(at, source);
        return;
    }
  }

  /** Whether an offset in the BAR of the structures is where queues are notified. */
  isNotification(offset: number): boolean {
    return offset - (offset % pageSize) === structurePlaces.notify;
  }

  /** Carries out one chain at most. */
  step(): StepOutcome {
    return this.parent.step();
  }

  #readConfig(offset: number, target: Uint8Array): void {
    const now = this.parent.readConfig(0, this.parent.configSize) ?? new Uint8Array();
    const seen = this.#seen;
    const hasChanged = seen?.some((byte, n) => byte !== now[n]);
    if (hasChanged) this.generation = this.rules.config.nextGeneration(this.generation);
    this.#seen = now;
    target.set(now.subarray(offset, offset + target.length));
  }

  #notified(source: Uint8Array): void {
    const { configData, acceptsLength, wordOf, queueOf } = this.rules.notify;
    const { driverFeatures } = this;
    if (!acceptsLength(source.length, driverFeatures)) return;
    const word = load(source) & 0xffff;
    const indices = Array.from({ length: this.queues.count }, (_, index) => index);
    const named = indices.find((index) => wordOf(index, configData(index), driverFeatures) === word);
    const queue = queueOf(named, (index) => this.queues.record(index)?.isEnabled === true);
    if (queue !== undefined) this.parent.notify(queue);
  }

  #broke(): void {
    this.#status = this.rules.status.broken(this.#status);
    if (this.rules.status.notifiesBroken) this.interrupts.ofConfiguration();
  }
}
