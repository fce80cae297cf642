import type { ParentDriver } from '../devices/parent-driver.ts';
import { errno } from './error-numbers.ts';

export interface DoorbellRules {
  readonly acceptsLength: (count: number) => boolean;
  readonly acceptsOffset: (offset: number, size: number) => boolean;
  /** The queue that is notified: the number in the data, wherever in the region it was written. */
  readonly queueOf: (data: number, offset: number, pageSize: number) => number;
  readonly acceptsQueue: (queue: number, rings: number) => boolean;
  /** Notifications that one write comes to. */
  readonly times: number;
  /** What a read of the region answers. */
  readonly read: number;
  readonly acceptsMap: (offset: number, length: number, isShared: boolean, pageSize: number) => boolean;
  /** Whether the parent's notify areas may be mapped. */
  readonly mapsPages: boolean;
}

export const strictDoorbellRules: DoorbellRules = {
  acceptsLength: (count) => count >= 4,
  acceptsOffset: (offset, size) => offset < size,
  queueOf: (data) => data,
  acceptsQueue: (queue, rings) => queue < rings,
  times: 1,
  read: 0,
  acceptsMap: (offset, length, isShared, pageSize) =>
    isShared && offset % pageSize === 0 && length > 0 && length <= pageSize,
  mapsPages: true,
};

/** As the second RFC was coded: offset and queue are handed on unseen. */
export const faithfulDoorbellRules: DoorbellRules = {
  ...strictDoorbellRules,
  acceptsOffset: () => true,
  acceptsQueue: () => true,
};

/** The region by which queues are notified: a page for each. */
export class Doorbells {
  readonly #parent: ParentDriver;
  readonly #rules: DoorbellRules;
  readonly #pageSize: number;
  readonly #size: number;

  constructor(parent: ParentDriver, rules: DoorbellRules, size: number, pageSize: number) {
    this.#parent = parent;
    this.#rules = rules;
    this.#size = size;
    this.#pageSize = pageSize;
  }

  read(): number {
    return this.#rules.read;
  }

  write(offset: number, count: number, source: Uint8Array): number {
    const rules = this.#rules;
    if (!rules.acceptsLength(count) || source.length < 4 || !rules.acceptsOffset(offset, this.#size)) {
      return -errno.EINVAL;
    }
    const data = new DataView(source.buffer, source.byteOffset, 4).getUint32(0, true);
    const queue = rules.queueOf(data, offset, this.#pageSize);
    if (!rules.acceptsQueue(queue, this.#parent.queueCount)) return -errno.EINVAL;
    for (let n = 0; n < rules.times; n++) this.#parent.notify(queue);
    return count;
  }

  /** The page of a queue for whoever stores its 16-bit number at the start of it, or an error negated. */
  map(offset: number, length: number, isShared: boolean): Uint8Array | number {
    const rules = this.#rules;
    const queue = Math.floor(offset / this.#pageSize);
    if (!rules.acceptsMap(offset, length, isShared, this.#pageSize) || queue >= this.#parent.queueCount) {
      return -errno.EINVAL;
    }
    const page = rules.mapsPages ? this.#parent.notifyPage?.(queue, this.#pageSize) : undefined;
    return page?.subarray(0, length) ?? -errno.ENOTSUPP;
  }
}
