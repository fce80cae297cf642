import type { ParentDriver } from '../devices/parent-driver.ts';
import type { MemoryMap } from '../memory/memory-map.ts';
import { ringLayoutOf } from '../virtqueue/feature-bits.ts';
import type { RingPosition } from '../virtqueue/ring.ts';
import { decodeVringBase, encodeVringBase } from '../wire/vring-base.ts';
import type { EventToken, VdpaEdge } from './vdpa-edge.ts';
import type { VdpaRules } from './vdpa-rules.ts';

/** Of a ring, or of configuration, which has the number 0. */
export type EventUse = 'kick' | 'call' | 'err' | 'config';

/** What is told of a ring. */
export interface VdpaRing {
  readonly index: number;
  size: number;
  /** Where reading begins, or would go on. */
  base: number;
  addresses: { readonly desc: bigint; readonly avail: bigint; readonly used: bigint };
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
  readonly #options: RingsOptions;
  readonly #events = new Map<string, EventToken>();

  constructor(options: RingsOptions) {
    this.#options = options;
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

  /** Where a ring stands; of one that runs, where it started. */
  toldBase({ base }: VdpaRing): number {
    return this.#options.rules.ring.toldBase(base);
  }

  /** Kicks that came since the last look. */
  takeKicks(): void {
    for (const ring of this.records) {
      const token = this.#events.get(`kick ${ring.index}`);
      if (token !== undefined && this.#options.edge.takeSignal(token)) this.kicked(ring.index);
    }
  }

  kicked(index: number): void {
    this.#options.parent.notify(index);
  }

  setEvent(use: EventUse, index: number, token: EventToken | undefined): void {
    const { forgetsUnbound, releasesReplaced } = this.#options.rules.ring;
    if (token === undefined && !forgetsUnbound) return;
    const name = `${use} ${index}`;
    const before = this.#events.get(name);
    if (releasesReplaced) this.#options.edge.releaseEvent(before);
    if (token === undefined) this.#events.delete(name);
    else this.#events.set(name, token);
  }

  hasEvent(use: EventUse, index: number): boolean {
    return this.#events.has(`${use} ${index}`);
  }

  signal(use: EventUse, index: number): void {
    const token = this.#events.get(`${use} ${index}`);
    if (token !== undefined) this.#options.edge.signal(token);
  }

  /** A reset: events stay, as they are those of the file. */
  forget(): void {
    for (const ring of this.records) Object.assign(ring, this.#record(ring.index));
  }

  dropEvents(): void {
    for (const token of this.#events.values()) this.#options.edge.releaseEvent(token);
    this.#events.clear();
  }

  #record(index: number): VdpaRing {
    return {
      index,
      size: this.#options.parent.maxQueueSize,
      base: 0,
      addresses: { desc: 0n, avail: 0n, used: 0n },
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
