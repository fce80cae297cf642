import type { ParentDriver } from '../devices/parent-driver.ts';
import type { MemoryMap } from '../memory/memory-map.ts';
import { ringLayoutOf } from '../virtqueue/feature-bits.ts';
import { type RingPosition, startPosition } from '../virtqueue/ring.ts';
import { VIRTIO_MSI_NO_VECTOR } from '../wire/virtio-pci.ts';
import type { QueueRecord, VirtioPciRules } from './pci-rules.ts';

export interface QueuesOptions {
  readonly parent: ParentDriver;
  readonly rules: VirtioPciRules;
  readonly memory: () => MemoryMap;
  /** DRIVER_OK is set. */
  readonly isRunning: () => boolean;
}

/** A queue, and the ring that the parent works on while it runs. */
interface QueueState {
  record: QueueRecord;
  isStarted: boolean;
  /** Where its ring stands while it is not started; undefined at its start. */
  position: RingPosition | undefined;
  /** Reads that still show the reset of the queue. */
  resetReads: number;
}

/** The queues of a function. */
export class PciQueues {
  readonly count: number;
  readonly #options: QueuesOptions;
  readonly #states: readonly QueueState[];

  constructor(options: QueuesOptions) {
    this.#options = options;
    this.count = options.parent.queueCount;
    this.#states = Array.from({ length: this.count }, () => ({
      record: this.#fresh(),
      isStarted: false,
      position: undefined,
      resetReads: 0,
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
    const state = this.#states[index];
    if (state === undefined) return;
    const { taken } = this.#options.rules.queueReset;
    state.record = { ...state.record, ...(state.record.wasReset ? taken(change) : change) };
    this.settle();
  }

  vectorOf(index: number): number {
    return this.#states[index]?.record.vector ?? VIRTIO_MSI_NO_VECTOR;
  }

  /** Of all queues but one. */
  vectors(but?: number): number[] {
    return this.#states.filter((_, index) => index !== but).map(({ record }) => record.vector);
  }

  /** Starts and stops rings as the state of the device has it. */
  settle(): void {
    const { rules, isRunning } = this.#options;
    for (const [index, state] of this.#states.entries()) {
      const runs = rules.queue.runs({ driverOk: isRunning(), enabled: state.record.isEnabled });
      if (runs && !state.isStarted) this.#start(index, state);
      if (!runs && state.isStarted) this.#stop(index, state);
    }
  }

  /** Lets rings go on in other memory; one that is not in it rests until it is. */
  move(): void {
    for (const [index, state] of this.#states.entries()) if (state.isStarted) this.#stop(index, state);
    this.settle();
  }

  notified(index: number): void {
    if (this.#states[index]?.isStarted === true) this.#options.parent.notify(index);
  }

  /** 1 was written to `queueReset`. */
  resetQueue(index: number): void {
    const state = this.#states[index];
    if (state === undefined) return;
    const { stops, disables, lasts, after, nextPosition } = this.#options.rules.queueReset;
    if (stops) {
      if (state.isStarted) this.#stop(index, state);
      state.position = nextPosition(state.position);
      if (disables) this.#options.parent.setQueueEnabled(index, false);
    }
    state.record = { ...after(this.#fresh(), state.record), wasReset: true };
    state.resetReads = lasts;
    if (stops) this.settle();
  }

  /** What a read of `queueReset` shows. */
  shownReset(index: number): number {
    const state = this.#states[index];
    if (state === undefined) return 0;
    const { shownMeanwhile, shownEnabled, shownAfterReset } = this.#options.rules.queueReset;
    if (state.resetReads > 0) {
      state.resetReads--;
      return shownMeanwhile(state.resetReads);
    }
    if (state.record.isEnabled) return shownEnabled;
    return state.record.wasReset ? 0 : shownAfterReset;
  }

  /** A reset of the device: no ring runs any more. */
  reset(): void {
    for (const [index, state] of this.#states.entries()) {
      if (state.isStarted) this.#stop(index, state);
      const { queue, interrupt } = this.#options.rules;
      const vector = interrupt.afterReset(state.record.vector);
      state.record = { ...queue.afterReset(this.#fresh(), state.record), vector };
      state.position = undefined;
      state.resetReads = 0;
    }
  }

  #fresh(): QueueRecord {
    return {
      size: this.largestSize,
      vector: VIRTIO_MSI_NO_VECTOR,
      desc: 0n,
      driver: 0n,
      device: 0n,
      isEnabled: false,
      wasReset: false,
    };
  }

  #start(index: number, state: QueueState): void {
    const { parent, memory } = this.#options;
    const { size, desc, driver, device } = state.record;
    parent.setMemory(memory());
    const why = parent.startQueue(index, {
      size,
      areas: { descriptor: desc, driver, device },
      ringSpace: 'io-virtual',
      bufferSpace: 'io-virtual',
      position: state.position ?? startPosition(ringLayoutOf(parent.features)),
    });
    if (why !== undefined) return;
    state.isStarted = true;
    parent.setQueueEnabled(index, true);
    parent.awaken(index);
  }

  #stop(index: number, state: QueueState): void {
    state.isStarted = false;
    state.position = this.#options.parent.stopQueue(index);
  }
}
