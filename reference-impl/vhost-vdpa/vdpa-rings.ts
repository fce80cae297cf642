import type { ParentDriver } from '../devices/parent-driver.ts';
import type { MemoryMap } from '../memory/memory-map.ts';
import { ringLayoutOf } from '../virtqueue/feature-bits.ts';
import { decodeVringBase, encodeVringBase } from '../wire/vring-base.ts';
import type { EventToken, VdpaEdge } from './vdpa-edge.ts';
import type { VdpaRules } from './vdpa-rules.ts';

export const eventUses = ['kick', 'call', 'err'] as const;
export type EventUse = (typeof eventUses)[number];

/** What is told of a ring. */
export interface VdpaRing {
  readonly index: number;
  size: number;
  /** Where reading begins, or would go on. */
  base: number;
  addresses: { readonly desc: bigint; readonly avail: bigint; readonly used: bigint } | undefined;
  isEnabled: boolean;
  /** Whether it was enabled before DRIVER_OK. */
  isEarly: boolean;
  /** The parent works on it. */
  isStarted: boolean;
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
      if (runs && !ring.isStarted) this.#start(ring);
      if (!runs && ring.isStarted) this.#stop(ring);
    }
  }

  /** Lets rings go on in other memory; one that is not in it rests until it is. */
  move(): void {
    for (const ring of this.records) if (ring.isStarted) this.#stop(ring);
    this.settle();
  }

  /** Where a ring stands now. */
  baseOf(ring: VdpaRing): number {
    if (ring.isStarted) {
      this.#stop(ring);
      this.#start(ring);
    }
    return this.#options.rules.ring.toldBase(ring.base);
  }

  /** Kicks that came since the last look. */
  takeKicks(): void {
    for (const ring of this.records) {
      const token = this.#events.get(`kick ${ring.index}`);
      if (token !== undefined && this.#options.edge.takeSignal(token)) this.kicked(ring.index);
    }
  }

  kicked(index: number): void {
    const ring = this.records[index];
    if (ring === undefined) return;
    if (!ring.isStarted && this.#runs(ring)) this.#start(ring);
    if (ring.isStarted) this.#options.parent.notify(index);
  }

  /** Behind a resumption: rings are looked at as they start, so that kicks that came before are not missed. */
  resumed(): void {
    const { rules } = this.#options;
    for (const ring of this.records) ring.base = rules.suspend.resumedBase(ring.base);
    this.settle();
  }

  setEvent(use: EventUse, index: number, token: EventToken | undefined): void {
    const name = `${use} ${index}`;
    const before = this.#events.get(name);
    if (before !== undefined) this.#options.edge.releaseEvent(before);
    if (token === undefined) this.#events.delete(name);
    else this.#events.set(name, token);
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
      addresses: undefined,
      isEnabled: false,
      isEarly: false,
      isStarted: false,
    };
  }

  #runs({ isEnabled, isEarly, addresses }: VdpaRing): boolean {
    const { ring } = this.#options.rules;
    const isInTime = isEarly || ring.startsLate;
    return addresses !== undefined && isInTime && ring.runs({ ...this.#options.state(), enabled: isEnabled });
  }

  #start(ring: VdpaRing): void {
    const { parent, memoryOf } = this.#options;
    const { index, size, addresses, base } = ring;
    if (addresses === undefined) return;
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
    ring.isStarted = true;
    parent.setQueueEnabled(index, true);
    parent.awaken(index);
  }

  #stop(ring: VdpaRing): void {
    ring.isStarted = false;
    const position = this.#options.parent.stopQueue(ring.index);
    if (position !== undefined) ring.base = encodeVringBase(position);
  }
}
