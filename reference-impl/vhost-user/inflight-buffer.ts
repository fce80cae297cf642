import type { RingLayout } from '../virtqueue/ring.ts';
import type { SharedMemory } from './back-end-edge.ts';
import { type InflightRecord, type InflightRules, inflightRegionSize, inflightSizes } from './inflight-rules.ts';
import { PackedInflightRegion } from './packed-inflight-region.ts';
import { SplitInflightRegion } from './split-inflight-region.ts';

/** The buffer of SET_INFLIGHT_FD: a region for each queue. */
export class InflightBuffer {
  readonly #memory: SharedMemory;
  readonly #rules: InflightRules;
  readonly #queueSize: number;

  /** `queueSize` is the one that the front-end told, which fixes where regions begin. */
  constructor(memory: SharedMemory, rules: InflightRules, queueSize: number) {
    this.#memory = memory;
    this.#rules = rules;
    this.#queueSize = queueSize;
  }

  /** The record of a queue, for a ring of `size`; undefined where the buffer has no room for one. */
  record(queue: number, size: number, layout: RingLayout): InflightRecord | undefined {
    const { bytes } = this.#memory;
    const { header, entry } = inflightSizes[layout];
    const at = queue * inflightRegionSize(this.#queueSize, layout);
    const length = header + entry * size;
    if (!this.#rules.holdsRecord(at + length, bytes.length)) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset + at, length);
    switch (layout) {
      case 'split':
        return new SplitInflightRegion(view, this.#rules, size);
      case 'packed':
        return new PackedInflightRegion(view, this.#rules, size);
    }
  }

  release(): void {
    this.#memory.unmap();
  }
}
