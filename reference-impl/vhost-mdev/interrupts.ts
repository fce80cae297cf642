import { errno } from '../wire/errno.ts';
import {
  VFIO_IRQ_SET_ACTION_TRIGGER,
  VFIO_IRQ_SET_ACTION_TYPE_MASK,
  VFIO_IRQ_SET_DATA_BOOL,
  VFIO_IRQ_SET_DATA_EVENTFD,
  VFIO_IRQ_SET_DATA_NONE,
  VFIO_IRQ_SET_DATA_TYPE_MASK,
} from '../wire/vfio-structures.ts';
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
  /** Vectors of the index that is asked for; 0 where there is no such index, or it has none. */
  readonly vectors: number;
  readonly isRunning: boolean;
}

export type EventTokens = readonly EventToken[];

export interface InterruptRules {
  /** The checks of the generic part of VFIO; an error number, or 0. `dataLength` bytes follow the fixed fields. */
  readonly generalError: (set: IrqSet, shape: InterruptShape, dataLength: number) => number;
  /** Checks of the device's own. */
  readonly ownError: (set: IrqSet, shape: InterruptShape) => number;
  /** Whether count 0 takes a vector's event descriptor away; else it changes nothing. */
  readonly droppedAtCountZero: (vector: number, start: number) => boolean;
  /** What happens to vectors without an event descriptor in the data: their own is dropped, or signalled now. */
  readonly withoutDescriptor: 'drop' | 'signal';
  /** Whether the bool of a vector has it signalled. */
  readonly triggers: (bool: number) => boolean;
  /** Which descriptor of the data is that of the n-th vector. */
  readonly descriptorOf: (n: number) => number;
  /** The error number for a descriptor of no event; 0 takes it for none at all. */
  readonly noEventError: number;
  /** Of the descriptors before one of no event, those that their vectors still get. */
  readonly keptAtFailure: (held: readonly (EventToken | undefined)[]) => readonly (EventToken | undefined)[];
  /** The events of a vector that is given another (undefined: none) in place of those before. */
  readonly armed: (before: EventTokens, next: EventToken | undefined) => EventTokens;
  /** Those of the events of a vector that are let go where it has others afterwards. */
  readonly released: (before: EventTokens, after: EventTokens) => EventTokens;
  /** What a used element does beside the call that its ring asks for. */
  readonly atUsed: (interrupts: Interrupts, queue: number) => void;
  /** The vectors, of so many, that a call of a queue signals. */
  readonly signalled: (queue: number, vectors: number) => readonly number[];
  /** What a signal of a vector does beside what it does to these events. */
  readonly signalling: (events: EventTokens) => void;
  /** Vectors that GET_IRQ_INFO tells: of rings in use, or of all. */
  readonly told: (inUse: number, rings: number) => number;
}

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

function generalError(set: IrqSet, { vectors }: InterruptShape, dataLength: number): number {
  const { argsz, flags, start, count } = set;
  const size = dataSize(set);
  const isWrong =
    (flags & ~(VFIO_IRQ_SET_DATA_TYPE_MASK | VFIO_IRQ_SET_ACTION_TYPE_MASK)) !== 0 ||
    start >= vectors ||
    start + count > vectors ||
    size === undefined ||
    argsz - 20 < size;
  if (isWrong) return errno.EINVAL;
  return dataLength < size ? errno.EFAULT : 0;
}

export const strictInterruptRules: InterruptRules = {
  generalError,
  ownError: ({ flags }) => ((flags & VFIO_IRQ_SET_ACTION_TYPE_MASK) === VFIO_IRQ_SET_ACTION_TRIGGER ? 0 : errno.EINVAL),
  droppedAtCountZero: (vector, start) => vector >= start,
  withoutDescriptor: 'signal',
  triggers: (bool) => bool !== 0,
  descriptorOf: (n) => n,
  noEventError: errno.EINVAL,
  keptAtFailure: () => [],
  armed: (_, next) => (next === undefined ? [] : [next]),
  released: (before) => before,
  atUsed: () => {},
  signalled: (queue) => [queue],
  signalling: () => {},
  told: (_, rings) => rings,
};

/** A vector that is to have no event descriptor. */
const NO_EVENT = -1;

const unarmed: EventTokens = [];

/** The event descriptors of the vectors: one for each ring. */
export class Interrupts {
  readonly #edge: MdevEdge;
  readonly #rules: InterruptRules;
  readonly #vectors: number;
  /** By vector, as far as one was given any. */
  readonly #events: EventTokens[] = [];

  constructor(edge: MdevEdge, rules: InterruptRules, vectors: number) {
    this.#edge = edge;
    this.#rules = rules;
    this.#vectors = vectors;
  }

  /** Vectors that have an event descriptor. */
  get armedVectors(): readonly number[] {
    return this.#events.flatMap((events, vector) => (events.length === 0 ? [] : [vector]));
  }

  /** VFIO_DEVICE_SET_IRQS: 0, or an error negated. Either all vectors are changed or none. */
  set(set: IrqSet, shape: InterruptShape, data: Uint8Array): number {
    const rules = this.#rules;
    const error = rules.generalError(set, shape, data.length) || rules.ownError(set, shape);
    if (error !== 0) return -error;
    const { start, count } = set;
    if (count === 0) {
      for (const vector of this.#events.keys()) {
        if (rules.droppedAtCountZero(vector, start)) this.#arm(vector);
      }
      return 0;
    }
    if ((set.flags & VFIO_IRQ_SET_DATA_EVENTFD) !== 0) return this.#setEvents(start, count, data);
    for (let n = 0; n < count; n++) {
      if (rules.withoutDescriptor === 'drop') this.#arm(start + n);
      else if ((set.flags & VFIO_IRQ_SET_DATA_NONE) !== 0 || rules.triggers(data[n] ?? 0)) this.#signal(start + n);
    }
    return 0;
  }

  /** A call of the device. */
  call(queue: number): void {
    for (const vector of this.#rules.signalled(queue, this.#vectors)) this.#signal(vector);
  }

  dropAll(): void {
    for (const vector of this.#events.keys()) this.#arm(vector);
  }

  #setEvents(start: number, count: number, data: Uint8Array): number {
    const rules = this.#rules;
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    const held: (EventToken | undefined)[] = [];
    for (let n = 0; n < count; n++) {
      const descriptor = view.getInt32(4 * rules.descriptorOf(n), true);
      const token = this.#edge.holdEvent(descriptor);
      if (descriptor !== NO_EVENT && token === undefined && rules.noEventError !== 0) {
        this.#armFrom(start, held, rules.keptAtFailure(held));
        return -rules.noEventError;
      }
      held.push(token);
    }
    this.#armFrom(start, held, held);
    return 0;
  }

  /** Arms vectors with those that are kept, and lets go of the others that were taken hold of. */
  #armFrom(start: number, held: readonly (EventToken | undefined)[], kept: readonly (EventToken | undefined)[]): void {
    for (const [n, token] of kept.entries()) this.#arm(start + n, token);
    for (const token of held) if (!kept.includes(token)) this.#edge.releaseEvent(token);
  }

  #signal(vector: number): void {
    const events = this.#events[vector] ?? unarmed;
    this.#rules.signalling(events);
    for (const event of events) this.#edge.signal(event);
  }

  #arm(vector: number, next?: EventToken): void {
    const before = this.#events[vector] ?? unarmed;
    const after = this.#rules.armed(before, next);
    this.#events[vector] = after;
    for (const event of this.#rules.released(before, after)) this.#edge.releaseEvent(event);
  }
}
