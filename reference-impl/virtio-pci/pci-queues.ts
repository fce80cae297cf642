import type { ParentDriver } from '../devices/parent-driver.ts';
import type { MemoryMap } from '../memory/memory-map.ts';
import { ringLayoutOf } from '../virtqueue/feature-bits.ts';
import { type RingPosition, startPosition } from '../virtqueue/ring.ts';
import { VIRTIO_MSI_NO_VECTOR } from '../wire/virtio-pci.ts';
import type { MappedQueues, QueueRecord, RunningDevice, VirtioPciRules } from './pci-rules.ts';

export interface QueuesOptions {
  readonly parent: ParentDriver;
  readonly rules: VirtioPciRules;
  readonly memory: () => MemoryMap;
  readonly device: RunningDevice;
}

/** A queue, and whether the parent works on its ring. */
interface QueueState {
  record: QueueRecord;
  isStarted?: boolean;
}

/** The queues of a function. Who names one by its index knows that it is there, but for `record`. */
export class PciQueues implements MappedQueues {
  readonly count: number;
  readonly #options: QueuesOptions;
  readonly #states: readonly QueueState[];

  constructor(options: QueuesOptions) {
    this.#options = options;
    this.count = options.parent.queueCount;
    this.#states = Array.from({ length: this.count }, (_, index) => ({ record: this.#fresh(index) }));
  }

  get largestSize(): number {
    return this.#options.parent.maxQueueSize;
  }

  /** Undefined where there is no such queue. */
  record(index: number): QueueRecord | undefined {
    return this.#states[index]?.record;
  }

  change(index: number, change: Partial<QueueRecord>): void {
    const state = this.#states[index] as QueueState;
    state.record = { ...state.record, ...this.#options.rules.queueReset.taken(change, state.record) };
    this.settle();
  }

  vectorOf(index: number): number {
    return (this.#states[index] as QueueState).record.vector;
  }

  /** Starts rings as the state of the device has it. */
  settle(): void {
    const { rules, device } = this.#options;
    for (const [index, state] of this.#states.entries()) {
      const runs = rules.queue.runs({ driverOk: device.isRunning, enabled: state.record.isEnabled });
      if (runs && state.isStarted !== true) this.#start(index, state, state.record.beginsAt);
    }
  }

  /** Lets rings go on where memory changed; a driver takes none from a ring that runs. */
  move(): void {
    const { rules, parent } = this.#options;
    if (!rules.queue.followsMemory) return;
    for (const [index, state] of this.#states.entries())
      if (state.isStarted === true) this.#start(index, state, parent.stopQueue(index));
  }

  /** 1 was written to `queueReset`. */
  resetQueue(index: number): void {
    const state = this.#states[index] as QueueState;
    const { parent, rules } = this.#options;
    const { stops, disables, after } = rules.queueReset;
    let stoppedAt: RingPosition | undefined;
    if (stops) {
      state.isStarted = false;
      stoppedAt = parent.stopQueue(index);
      if (disables) parent.setQueueEnabled(index, false);
    }
    state.record = { ...after(this.#fresh(index), state.record, stoppedAt), readsOfReset: 0 };
  }

  /** `queueReset` was read. */
  readReset(index: number): void {
    const state = this.#states[index] as QueueState;
    const { readsOfReset } = state.record;
    if (readsOfReset !== undefined) state.record = { ...state.record, readsOfReset: readsOfReset + 1 };
  }

  /** A reset of the device, which takes all rings from the parent. */
  reset(): void {
    for (const [index, state] of this.#states.entries()) {
      state.isStarted = false;
      const { queue, interrupt } = this.#options.rules;
      const vector = interrupt.afterReset(state.record.vector);
      state.record = { ...queue.afterReset(this.#fresh(index), state.record), vector };
    }
  }

  #fresh(index: number): QueueRecord {
    return {
      index,
      size: this.largestSize,
      vector: VIRTIO_MSI_NO_VECTOR,
      desc: 0n,
      driver: 0n,
      device: 0n,
      isEnabled: false,
    };
  }

  #start(index: number, state: QueueState, at: RingPosition | undefined): void {
    const { parent, memory } = this.#options;
    const { size, desc, driver, device } = state.record;
    parent.setMemory(memory());
    parent.startQueue(index, {
      size,
      areas: { descriptor: desc, driver, device },
      ringSpace: 'io-virtual',
      bufferSpace: 'io-virtual',
      position: at ?? startPosition(ringLayoutOf(parent.features)),
    });
    state.isStarted = true;
    parent.setQueueEnabled(index, true);
    // What it was notified of before is still owed: a driver need not tell of it again.
    parent.awaken(index);
  }
}
