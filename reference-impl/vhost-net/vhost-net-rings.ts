import type { ParentDriver } from '../devices/parent-driver.ts';
import { isFailure, isYetToCome, type MemoryMap } from '../memory/memory-map.ts';
import type { VhostRing } from '../vhost-kernel/core-calls.ts';
import { RingEvents } from '../vhost-kernel/ring-events.ts';
import { areaSizes, ringAreasAt } from '../vhost-user/vring-rules.ts';
import { ringLayoutOf, VIRTIO_F_ACCESS_PLATFORM } from '../virtqueue/feature-bits.ts';
import { type RingPosition, ringAreas } from '../virtqueue/ring.ts';
import { decodeVringBase, encodeVringBase } from '../wire/vring-base.ts';
import type { VhostNetEdge } from './vhost-net-edge.ts';
import type { VhostNetRules } from './vhost-net-rules.ts';

/** What is told of a ring; one with a backend is active. */
export interface NetRing extends VhostRing {
  backend: number | undefined;
}

/** What rings need to know of the device. */
export interface NetRingsOptions {
  readonly parent: ParentDriver;
  readonly edge: VhostNetEdge;
  readonly rules: VhostNetRules;
  /** All that rings and buffers may lie in. */
  readonly memory: () => MemoryMap;
  /** The last translation in this memory failed for want of a mapping. */
  readonly missed: (memory: MemoryMap) => void;
}

/** Bytes of a used ring that are read and written when a backend is set: its flags and its index. */
const usedHeadBytes = 4;

/** The rings of vhost-net: what is told of them, and the parent that works on them while they have a backend. */
export class VhostNetRings {
  readonly records: readonly NetRing[];
  readonly events: RingEvents;
  readonly #options: NetRingsOptions;
  #memory: MemoryMap | undefined;

  constructor(options: NetRingsOptions) {
    this.#options = options;
    this.events = new RingEvents(options.edge, options.rules.ring);
    this.records = Array.from({ length: options.parent.queueCount }, (_, index) => newRing(index));
  }

  get areActive(): boolean {
    return this.records.some(({ backend }) => backend !== undefined);
  }

  /** The memory that rings were started with last. */
  get memory(): MemoryMap | undefined {
    return this.#memory;
  }

  /** False, and nothing changed, where the ring cannot be used as it was told. */
  setBackend(ring: NetRing, backend: number | undefined): boolean {
    this.#stop(ring);
    const before = ring.backend;
    ring.backend = backend;
    if (backend === undefined || this.#begin(ring)) return true;
    ring.backend = before;
    if (before !== undefined) this.#start(ring, true);
    return false;
  }

  /** Lets active rings go on in other memory, or elsewhere in it. @param isWoken whether they look at what waits. */
  move(isWoken = true): void {
    for (const ring of this.records) {
      this.#stop(ring);
      if (ring.backend !== undefined) this.#start(ring, isWoken);
    }
  }

  /** Where a ring stands, whether it is active or not. */
  baseOf(ring: NetRing): number {
    if (!this.#isStarted(ring)) return ring.base;
    this.#stop(ring);
    this.#start(ring, true);
    return ring.base;
  }

  takeKicks(): void {
    for (const ring of this.records) {
      if (!this.events.takeKick(ring.index)) continue;
      // One whose areas were missing is looked for anew.
      if (ring.backend !== undefined && !this.#isStarted(ring)) this.#start(ring, true);
      this.#options.parent.notify(ring.index);
    }
  }

  /** Nothing is told any more. */
  forget(): void {
    for (const ring of this.records) {
      this.#stop(ring);
      Object.assign(ring, newRing(ring.index));
    }
  }

  /** Whether addresses are I/O-virtual. */
  get #translates(): boolean {
    return (this.#options.parent.features & VIRTIO_F_ACCESS_PLATFORM) !== 0n;
  }

  #isStarted({ index }: NetRing): boolean {
    return this.#options.parent.queueState(index).isStarted;
  }

  /** A ring gets a backend: its used ring must be there, other areas may come. */
  #begin(ring: NetRing): boolean {
    const memory = this.#options.memory();
    if (!this.#translates) return this.#start(ring, true);
    const used = memory.translate('io-virtual', ring.addresses.used, usedHeadBytes, 'write');
    if (isYetToCome(used)) this.#options.missed(memory);
    if (isFailure(used)) return false;
    this.#start(ring, true);
    return true;
  }

  /** False where it does not lie in memory. One that lacks a mapping rests until there is one. */
  #start(ring: NetRing, isWoken: boolean): boolean {
    const { parent, missed } = this.#options;
    const memory = this.#options.memory();
    const { index, size, base } = ring;
    const layout = ringLayoutOf(parent.features);
    const areas = ringAreasAt(ring.addresses);
    if (this.#translates) {
      const sizes = areaSizes(layout, size);
      for (const area of ringAreas) {
        const access = area === 'device' ? 'write' : 'read';
        if (!isYetToCome(memory.translate('io-virtual', areas[area], sizes[area], access))) continue;
        missed(memory);
        return true;
      }
    }
    this.#memory = memory;
    parent.setMemory(memory);
    const why = parent.startQueue(index, {
      size,
      areas,
      ringSpace: this.#translates ? 'io-virtual' : 'user',
      bufferSpace: this.#translates ? 'io-virtual' : 'guest-physical',
      position: decodeVringBase(layout, base),
    });
    if (why !== undefined) return false;
    parent.setQueueEnabled(index, true);
    if (isWoken) parent.awaken(index);
    return true;
  }

  #stop(ring: NetRing): void {
    if (this.#isStarted(ring)) ring.base = encodeVringBase(this.#options.parent.stopQueue(ring.index) as RingPosition);
  }
}

const newRing = (index: number): NetRing => ({
  index,
  size: 1,
  base: 0,
  addresses: { desc: 0n, avail: 0n, used: 0n },
  log: { address: 0n, isLogged: false },
  backend: undefined,
});
