import type { RingLayout } from '../virtqueue/ring.ts';
import type { SharedMemory } from './back-end-edge.ts';
import { type InflightRecord, type InflightRules, inflightRegionSize, inflightSizes } from './inflight-rules.ts';
import { PackedInflightRegion } from './packed-inflight-region.ts';
import { SplitInflightRegion } from './split-inflight-region.ts';

/** The buffer of SET_INFLIGHT_FD: a region for each queue. */
export class InflightBuffer {
  readonly numQueues: number;
  readonly queueSize: number;
  readonly #memory: SharedMemory;
  readonly #rules: InflightRules;

  constructor(memory: SharedMemory, rules: InflightRules, numQueues: number, queueSize: number) {
    this.#memory = memory;
    this.#rules = rules;
    this.numQueues = numQueues;
    this.queueSize = queueSize;
  }

  /** The record of a queue, for a ring of `size`; undefined where the buffer has none that is large enough. */
  record(queue: number, size: number, layout: RingLayout): InflightRecord | undefined {
    if (queue >= this.numQueues || size > this.queueSize) return undefined;
    const { bytes } = this.#memory;
    const { header, entry } = inflightSizes[layout];
    const at = queue * inflightRegionSize(this.queueSize, layout);
    if (at + header + entry * size > bytes.length) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset + at);
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
