import type { IrqSet } from '../vhost-mdev/interrupts.ts';
import type { EventToken, MdevEdge } from '../vhost-mdev/mdev-edge.ts';
import { errno } from '../wire/errno.ts';
import {
  VFIO_IRQ_SET_ACTION_MASK,
  VFIO_IRQ_SET_ACTION_TRIGGER,
  VFIO_IRQ_SET_ACTION_TYPE_MASK,
  VFIO_IRQ_SET_ACTION_UNMASK,
  VFIO_IRQ_SET_DATA_BOOL,
  VFIO_IRQ_SET_DATA_EVENTFD,
  VFIO_IRQ_SET_DATA_NONE,
  VFIO_IRQ_SET_DATA_TYPE_MASK,
  vfioPci,
} from '../wire/vfio-structures.ts';

/** What interrupts need of the function. */
export interface InterruptedFunction {
  setMsixEnabled(enabled: boolean): void;
  /** The pin is to be asserted: what it stands for was not taken back. */
  readonly isPinDue: () => boolean;
}

/** Events in place of interrupts: of the pin, which is masked when it signals, and of the vectors of MSI-X. */
export class VfioPciInterrupts {
  readonly #edge: MdevEdge;
  readonly #function: InterruptedFunction;
  readonly #vectors: (EventToken | undefined)[];
  #pin: EventToken | undefined;
  #isPinMasked = false;
  #isMsix = false;

  constructor(edge: MdevEdge, vectors: number, owner: InterruptedFunction) {
    this.#edge = edge;
    this.#function = owner;
    this.#vectors = new Array<EventToken | undefined>(vectors).fill(undefined);
  }

  /** Vectors of an interrupt index. */
  count(index: number): number {
    if (index === vfioPci.INTX_IRQ_INDEX) return 1;
    return index === vfioPci.MSIX_IRQ_INDEX ? this.#vectors.length : 0;
  }

  signalVector(vector: number): void {
    const event = this.#vectors[vector];
    if (event !== undefined) this.#edge.signal(event);
  }

  pinChanged(): void {
    if (this.#pin === undefined || this.#isPinMasked || !this.#function.isPinDue()) return;
    this.#isPinMasked = true;
    this.#edge.signal(this.#pin);
  }

  /** VFIO_DEVICE_SET_IRQS: 0, or an error negated. */
  set(set: IrqSet, data: Uint8Array): number {
    const { flags, index, start, count } = set;
    const vectors = this.count(index);
    const action = flags & VFIO_IRQ_SET_ACTION_TYPE_MASK;
    const size = sizeOf(flags, count);
    if (size === undefined || start >= vectors || start + count > vectors || set.argsz - 20 < size)
      return -errno.EINVAL;
    if (data.length < size) return -errno.EFAULT;
    if (index === vfioPci.INTX_IRQ_INDEX && action !== VFIO_IRQ_SET_ACTION_TRIGGER) return this.#mask(action, flags);
    if (action !== VFIO_IRQ_SET_ACTION_TRIGGER) return -errno.EINVAL;
    if (count === 0 && (flags & VFIO_IRQ_SET_DATA_NONE) !== 0) {
      this.#drop(index);
      return 0;
    }
    if ((flags & VFIO_IRQ_SET_DATA_EVENTFD) !== 0) return this.#setEvents(index, start, count, data);
    // Without an event: the interrupt is signalled now.
    for (let n = 0; n < count; n++) {
      const isSignalled = (flags & VFIO_IRQ_SET_DATA_NONE) !== 0 || data[n] !== 0;
      const event = index === vfioPci.INTX_IRQ_INDEX ? this.#pin : this.#vectors[start + n];
      if (isSignalled && event !== undefined) this.#edge.signal(event);
    }
    return 0;
  }

  dropAll(): void {
    this.#drop(vfioPci.INTX_IRQ_INDEX);
    this.#drop(vfioPci.MSIX_IRQ_INDEX);
  }

  #setEvents(index: number, start: number, count: number, data: Uint8Array): number {
    const isPin = index === vfioPci.INTX_IRQ_INDEX;
    // One kind of interrupts at a time.
    if (isPin ? this.#isMsix : this.#pin !== undefined) return -errno.EINVAL;
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    const held: (EventToken | undefined)[] = [];
    for (let n = 0; n < count; n++) {
      const descriptor = view.getInt32(4 * n, true);
      const token = descriptor < 0 ? undefined : this.#edge.holdEvent(descriptor);
      if (descriptor >= 0 && token === undefined) {
        for (const one of held) if (one !== undefined) this.#edge.releaseEvent(one);
        return -errno.EBADF;
      }
      held.push(token);
    }
    if (isPin) {
      this.#release(this.#pin);
      this.#pin = held[0];
      this.#isPinMasked = false;
      this.pinChanged();
      return 0;
    }
    for (const [n, token] of held.entries()) {
      this.#release(this.#vectors[start + n]);
      this.#vectors[start + n] = token;
    }
    this.#isMsix = true;
    this.#function.setMsixEnabled(true);
    return 0;
  }

  #mask(action: number, flags: number): number {
    if ((flags & VFIO_IRQ_SET_DATA_EVENTFD) !== 0 || this.#pin === undefined) return -errno.EINVAL;
    if (action === VFIO_IRQ_SET_ACTION_MASK) this.#isPinMasked = true;
    else if (action === VFIO_IRQ_SET_ACTION_UNMASK) {
      this.#isPinMasked = false;
      this.pinChanged();
    } else return -errno.EINVAL;
    return 0;
  }

  #drop(index: number): void {
    if (index === vfioPci.INTX_IRQ_INDEX) {
      this.#release(this.#pin);
      this.#pin = undefined;
      this.#isPinMasked = false;
      return;
    }
    for (const [vector, event] of this.#vectors.entries()) {
      this.#release(event);
      this.#vectors[vector] = undefined;
    }
    this.#isMsix = false;
    this.#function.setMsixEnabled(false);
  }

  #release(event: EventToken | undefined): void {
    if (event !== undefined) this.#edge.releaseEvent(event);
  }
}

function sizeOf(flags: number, count: number): number | undefined {
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
