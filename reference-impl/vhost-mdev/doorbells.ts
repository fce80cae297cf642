import { errno } from '../wire/errno.ts';
import type { MdevState } from './mdev-state.ts';

export interface DoorbellRules {
  readonly acceptsLength: (count: number) => boolean;
  readonly acceptsOffset: (offset: number, size: number, pageSize: number) => boolean;
  /** The queue that is notified: the number in the data, wherever in the region it was written. */
  readonly queueOf: (data: number, offset: number, pageSize: number) => number;
  readonly acceptsQueue: (queue: number, rings: number) => boolean;
  /** The error number with which a doorbell of a queue is refused, or 0. */
  readonly errorOf: (device: MdevState, queue: number) => number;
  /** Carries out a doorbell that was taken. */
  readonly carryOut: (device: MdevState, queue: number, count: number) => void;
  /** What a write of so many bytes that was taken returns. */
  readonly written: (count: number) => number;
  /** What a read of the region returns. */
  readonly read: number;
  /** Whether a mapping that begins at a page may be so long. */
  readonly acceptsMap: (length: number, pageSize: number) => boolean;
  /** The queue whose page is mapped by its place in the region; undefined behind the last. */
  readonly mappedQueue: (place: number, rings: number) => number | undefined;
  /** The memory that is handed out for a queue's page. */
  readonly mapped: (page: Uint8Array) => Uint8Array;
  /** What a number that was stored into a mapped page does. */
  readonly stored: (device: MdevState, queue: number) => void;
}

export const strictDoorbellRules: DoorbellRules = {
  acceptsLength: (count) => count >= 4,
  acceptsOffset: (offset, size) => offset < size,
  queueOf: (data) => data,
  acceptsQueue: (queue, rings) => queue < rings,
  errorOf: () => 0,
  carryOut: ({ parent }, queue) => parent.notify(queue),
  written: (count) => count,
  read: 0,
  acceptsMap: (length, pageSize) => length <= pageSize,
  mappedQueue: (place, rings) => (place < rings ? place : undefined),
  mapped: (page) => page,
  stored: ({ parent }, queue) => parent.notify(queue),
};

const numberSize = 4;

/** A little-endian number of 32 bits; bytes that are missing are zero. */
function numberIn(bytes: Uint8Array): number {
  let number = 0;
  for (let at = Math.min(numberSize, bytes.length) - 1; at >= 0; at--) number = number * 256 + (bytes[at] ?? 0);
  return number;
}

/** The region by which queues are notified: a page for each. */
export class Doorbells {
  readonly #device: MdevState;
  readonly #rules: DoorbellRules;
  readonly #pageSize: number;
  readonly #size: number;

  constructor(device: MdevState, rules: DoorbellRules, size: number, pageSize: number) {
    this.#device = device;
    this.#rules = rules;
    this.#size = size;
    this.#pageSize = pageSize;
  }

  read(): number {
    return this.#rules.read;
  }

  write(offset: number, source: Uint8Array): number {
    const rules = this.#rules;
    const count = source.length;
    if (!rules.acceptsLength(count) || !rules.acceptsOffset(offset, this.#size, this.#pageSize)) return -errno.EINVAL;
    const queue = rules.queueOf(numberIn(source), offset, this.#pageSize);
    if (!rules.acceptsQueue(queue, this.#device.parent.queueCount)) return -errno.EINVAL;
    const error = rules.errorOf(this.#device, queue);
    if (error !== 0) return -error;
    rules.carryOut(this.#device, queue, count);
    return rules.written(count);
  }

  /** The page of a queue, which is notified by a store of its 16-bit number at the start, or an error negated. */
  map(offset: number, length: number): Uint8Array | number {
    const rules = this.#rules;
    const { parent } = this.#device;
    const queue = rules.mappedQueue(Math.floor(offset / this.#pageSize), parent.queueCount);
    if (queue === undefined || !rules.acceptsMap(length, this.#pageSize)) return -errno.EINVAL;
    return rules.mapped(parent.notifyPage(queue, this.#pageSize)).subarray(0, length);
  }
}
