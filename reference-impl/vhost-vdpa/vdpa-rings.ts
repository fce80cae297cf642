import type { ParentDriver } from '../devices/parent-driver.ts';
import type { MemoryMap } from '../memory/memory-map.ts';
import type { VhostRing } from '../vhost-kernel/core-calls.ts';
import { RingEvents } from '../vhost-kernel/ring-events.ts';
import { ringLayoutOf } from '../virtqueue/feature-bits.ts';
import type { RingPosition } from '../virtqueue/ring.ts';
import { decodeVringBase, encodeVringBase } from '../wire/vring-base.ts';
import type { VdpaEdge } from './vdpa-edge.ts';
import type { VdpaRules } from './vdpa-rules.ts';

export interface VdpaRing extends VhostRing {
  isEnabled: boolean;
}

/** What rings need to know of the device. */
export interface RingsOptions {
  readonly parent: ParentDriver;
  readonly edge: VdpaEdge;
  readonly rules: VdpaRules;
  readonly memoryOf: (index: number) => MemoryMap;
  readonly state: () => { readonly driverOk: boolean; readonly suspended: boolean };
}

/** The rings of a device: what is told of them, and the parent that works on them while they run. */
export class VdpaRings {
  readonly records: readonly VdpaRing[];
  readonly events: RingEvents;
  readonly #options: RingsOptions;

  constructor(options: RingsOptions) {
    this.#options = options;
    this.events = new RingEvents(options.edge, options.rules.ring);
    this.records = Array.from({ length: options.parent.queueCount }, (_, index) => this.#record(index));
  }

  /** Starts and stops rings as the state of the device has it. */
  settle(): void {
    for (const ring of this.records) {
      const runs = this.#runs(ring);
      if (runs === this.#isStarted(ring)) continue;
      if (runs) this.#start(ring);
      else this.#stop(ring);
    }
  }

  /** Lets rings go on in other memory; one that is not in it rests until it is. */
  move(): void {
    for (const ring of this.records) if (this.#isStarted(ring)) this.#stop(ring);
    this.settle();
  }

  /** Kicks that came since the last look. */
  takeKicks(): void {
    for (const ring of this.records) {
      if (this.events.takeKick(ring.index)) this.kicked(ring.index);
    }
  }

  kicked(index: number): void {
    this.#options.parent.notify(index);
  }

  /** A reset: events stay, as they are those of the file. */
  forget(): void {
    for (const ring of this.records) Object.assign(ring, this.#record(ring.index));
  }

  #record(index: number): VdpaRing {
    return {
      index,
      size: this.#options.parent.maxQueueSize,
      base: 0,
      addresses: { desc: 0n, avail: 0n, used: 0n },
      log: { address: 0n, isLogged: false },
      isEnabled: false,
    };
  }

  /** The parent works on it. */
  #isStarted({ index }: VdpaRing): boolean {
    return this.#options.parent.queueState(index).isStarted;
  }

  #runs({ isEnabled }: VdpaRing): boolean {
    const { ring } = this.#options.rules;
    return ring.runs({ ...this.#options.state(), enabled: isEnabled });
  }

  #start(ring: VdpaRing): void {
    const { parent, memoryOf } = this.#options;
    const { index, size, addresses, base } = ring;
    const areas = { descriptor: addresses.desc, driver: addresses.avail, device: addresses.used };
    const position = decodeVringBase(ringLayoutOf(parent.features), base);
    parent.setMemory(memoryOf(index));
    const why = parent.startQueue(index, {
      size,
      areas,
      ringSpace: 'io-virtual',
      bufferSpace: 'io-virtual',
      position,
    });
    if (why !== undefined) return;
    parent.setQueueEnabled(index, true);
    parent.awaken(index);
  }

  #stop(ring: VdpaRing): void {
    ring.base = encodeVringBase(this.#options.parent.stopQueue(ring.index) as RingPosition);
  }
}
