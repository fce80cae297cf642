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

/** A queue, and the ring that the parent works on while it runs. */
interface QueueState {
  record: QueueRecord;
  isStarted?: boolean;
  /** Where its ring stands while it is not started; undefined at its start. */
  position: RingPosition | undefined;
}

/** The queues of a function. Who names one by its index knows that it is there, but for `record`. */
export class PciQueues implements MappedQueues {
  readonly count: number;
  readonly #options: QueuesOptions;
  readonly #states: readonly QueueState[];

  constructor(options: QueuesOptions) {
    this.#options = options;
    this.count = options.parent.queueCount;
    this.#states = Array.from({ length: this.count }, (_, index) => ({
      record: this.#fresh(index),
      position: undefined,
    }));
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
      if (runs && state.isStarted !== true) this.#start(index, state);
    }
  }

  /** Lets rings go on in other memory; one that is not in it rests until memory changes again. */
  move(): void {
    for (const [index, state] of this.#states.entries()) this.#stop(index, state);
    this.settle();
  }

  /** 1 was written to `queueReset`. */
  resetQueue(index: number): void {
    const state = this.#states[index] as QueueState;
    const { stops, disables, after, nextPosition } = this.#options.rules.queueReset;
    if (stops) {
      this.#stop(index, state);
      state.position = nextPosition(state.position);
      if (disables) this.#options.parent.setQueueEnabled(index, false);
    }
    state.record = { ...after(this.#fresh(index), state.record), readsOfReset: 0 };
  }

  /** `queueReset` was read. */
  readReset(index: number): void {
    const state = this.#states[index] as QueueState;
    const { readsOfReset } = state.record;
    if (readsOfReset !== undefined) state.record = { ...state.record, readsOfReset: readsOfReset + 1 };
  }

  /** A reset of the device: no ring runs any more. */
  reset(): void {
    for (const [index, state] of this.#states.entries()) {
      this.#stop(index, state);
      const { queue, interrupt } = this.#options.rules;
      const vector = interrupt.afterReset(state.record.vector);
      state.record = { ...queue.afterReset(this.#fresh(index), state.record), vector };
      state.position = undefined;
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

  #start(index: number, state: QueueState): void {
    const { parent, memory } = this.#options;
    const { size, desc, driver, device } = state.record;
    parent.setMemory(memory());
    parent.startQueue(index, {
      size,
      areas: { descriptor: desc, driver, device },
      ringSpace: 'io-virtual',
      bufferSpace: 'io-virtual',
      position: state.position ?? startPosition(ringLayoutOf(parent.features)),
    });
    state.isStarted = true;
    parent.setQueueEnabled(index, true);
    parent.awaken(index);
  }

  #stop(index: number, state: QueueState): void {
    state.isStarted = false;
    state.position = this.#options.parent.stopQueue(index) ?? state.position;
  }
}
