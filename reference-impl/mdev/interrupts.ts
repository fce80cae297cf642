import {
  VFIO_IRQ_SET_ACTION_MASK,
  VFIO_IRQ_SET_ACTION_TYPE_MASK,
  VFIO_IRQ_SET_ACTION_UNMASK,
  VFIO_IRQ_SET_DATA_BOOL,
  VFIO_IRQ_SET_DATA_EVENTFD,
  VFIO_IRQ_SET_DATA_NONE,
  VFIO_IRQ_SET_DATA_TYPE_MASK,
} from '../wire/vfio-structures.ts';
import { errno } from './error-numbers.ts';
import type { EventToken, MdevEdge } from './mdev-edge.ts';

/** VFIO_DEVICE_SET_IRQS: the fixed fields. */
export interface IrqSet {
  readonly argsz: number;
  readonly flags: number;
  readonly index: number;
  readonly start: number;
  readonly count: number;
}

export interface InterruptShape {
  /** Indices that the device has. */
  readonly indices: number;
  /** Vectors of the index that is asked for; 0 where that has none. */
  readonly vectors: number;
}

export interface InterruptRules {
  /** The checks of the generic part of VFIO; an error number, or 0. `dataLength` bytes follow the fixed fields. */
  readonly generalError: (set: IrqSet, shape: InterruptShape, dataLength: number) => number;
  /** Checks of the device's own. */
  readonly ownError: (set: IrqSet, shape: InterruptShape) => number;
  /** Whether count 0 drops the event descriptors from `start` on; else it changes nothing. */
  readonly dropsAtCountZero: boolean;
  /** What vectors without an event descriptor in the data come to: their own is dropped, or signalled now. */
  readonly withoutDescriptor: 'drop' | 'signal';
  readonly vectorOf: (queue: number) => number;
  /** Vectors that GET_IRQ_INFO tells: of rings in use, or of all. */
  readonly told: (inUse: number, rings: number) => number;
}

const isOneBit = (bits: number): boolean => bits !== 0 && (bits & (bits - 1)) === 0;

function dataSize({ flags, count }: IrqSet): number | undefined {
  switch (flags & VFIO_IRQ_SET_DATA_TYPE_MASK) {
    case VFIO_IRQ_SET_DATA_NONE:
      return 0;
    case VFIO_IRQ_SET_DATA_BOOL:
      return count;
    case VFIO_IRQ_SET_DATA_EVENTFD:
      return 4 * count;
  }
  return undefined;
}

function generalError(set: IrqSet, { indices, vectors }: InterruptShape, dataLength: number): number {
  const { argsz, flags, index, start, count } = set;
  const size = dataSize(set);
  const isWrong =
    index >= indices ||
    (flags & ~(VFIO_IRQ_SET_DATA_TYPE_MASK | VFIO_IRQ_SET_ACTION_TYPE_MASK)) !== 0 ||
    start >= vectors ||
    start + count > vectors ||
    size === undefined ||
    argsz - 20 < size;
  if (isWrong) return errno.EINVAL;
  return dataLength < size ? errno.EFAULT : 0;
}

const actionsMaskOrUnmask = VFIO_IRQ_SET_ACTION_MASK | VFIO_IRQ_SET_ACTION_UNMASK;

export const strictInterruptRules: InterruptRules = {
  generalError,
  ownError: ({ flags }) => {
    const action = flags & VFIO_IRQ_SET_ACTION_TYPE_MASK;
    return isOneBit(action) && (action & actionsMaskOrUnmask) === 0 ? 0 : errno.EINVAL;
  },
  dropsAtCountZero: true,
  withoutDescriptor: 'signal',
  vectorOf: (queue) => queue,
  told: (_, rings) => rings,
};

/** As the second RFC was coded: whatever the action, each vector counted gets the descriptor of the data, or none. */
export const faithfulInterruptRules: InterruptRules = {
  ...strictInterruptRules,
  ownError: ({ index }) => (index === 0 ? 0 : errno.ENOTSUPP),
  dropsAtCountZero: false,
  withoutDescriptor: 'drop',
  told: (inUse) => inUse,
};

/** The event descriptors of the vectors: one for each ring. */
export class Interrupts {
  readonly #edge: MdevEdge;
  readonly #rules: InterruptRules;
  readonly #events: (EventToken | undefined)[];

  constructor(edge: MdevEdge, rules: InterruptRules, vectors: number) {
    this.#edge = edge;
    this.#rules = rules;
    this.#events = new Array<EventToken | undefined>(vectors).fill(undefined);
  }

  /** Vectors that have an event descriptor. */
  get armed(): readonly number[] {
    return this.#events.flatMap((event, vector) => (event === undefined ? [] : [vector]));
  }

  /** VFIO_DEVICE_SET_IRQS: 0, or an error negated. Either all vectors are changed or none. */
  set(set: IrqSet, shape: InterruptShape, data: Uint8Array): number {
    const rules = this.#rules;
    const error = rules.generalError(set, shape, data.length) || rules.ownError(set, shape);
    if (error !== 0) return -error;
    const { start, count } = set;
    if (count === 0) {
      if (rules.dropsAtCountZero) for (let vector = start; vector < this.#events.length; vector++) this.#arm(vector);
      return 0;
    }
    if ((set.flags & VFIO_IRQ_SET_DATA_EVENTFD) !== 0) return this.#setEvents(start, count, data);
    for (let n = 0; n < count; n++) {
      if (rules.withoutDescriptor === 'drop') this.#arm(start + n);
      else if ((set.flags & VFIO_IRQ_SET_DATA_NONE) !== 0 || data[n] !== 0) this.#signal(start + n);
    }
    return 0;
  }

  /** A call of the device. */
  call(queue: number): void {
    this.#signal(this.#rules.vectorOf(queue));
  }

  dropAll(): void {
    for (let vector = 0; vector < this.#events.length; vector++) this.#arm(vector);
  }

  #setEvents(start: number, count: number, data: Uint8Array): number {
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    const held: (EventToken | undefined)[] = [];
    for (let n = 0; n < count; n++) {
      const descriptor = view.getInt32(4 * n, true);
      const token = descriptor < 0 ? undefined : this.#edge.holdEvent(descriptor);
      if (descriptor >= 0 && token === undefined) {
        for (const one of held) if (one !== undefined) this.#edge.releaseEvent(one);
        return -errno.EINVAL;
      }
      held.push(token);
    }
    for (const [n, token] of held.entries()) this.#arm(start + n, token);
    return 0;
  }

  #signal(vector: number): void {
    const event = this.#events[vector];
    if (event !== undefined) this.#edge.signal(event);
  }

  #arm(vector: number, event?: EventToken): void {
    const before = this.#events[vector];
    this.#events[vector] = event;
    if (before !== undefined) this.#edge.releaseEvent(before);
  }
}
