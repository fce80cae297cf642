import {
  type OtherDescriptors,
  POLLIN,
  pin,
  waitSetAdd,
  waitSetClose,
  waitSetCreate,
  waitSetFd,
  waitSetRemove,
  waitSetWait,
} from '../native/native.ts';
import type { WaitSet, WaitSource } from './wait-set.ts';

const mostReady = 64;
/** Shared by all sets: a wait copies what it needs before it calls a source. */
const ready = new Int32Array(2 * mostReady);
const pinnedReady = pin(ready);
const otherFd = new Int32Array(32);
const others: OtherDescriptors = {
  fds: pin(otherFd),
  events: pin(new Int16Array(32).fill(POLLIN)),
  revents: pin(new Int16Array(32)),
  count: 1,
};

/** A set that the kernel keeps between waits: what a wait costs does not grow with the number of descriptors. */
export class KernelWaitSet implements WaitSet {
  #handle = waitSetCreate();
  #fd = waitSetFd(this.#handle);
  readonly #sources: (WaitSource | undefined)[] = [];
  /** Slots that are free. */
  readonly #free: number[] = [];
  /** Slots that became free while sources were called: what is still to be called names its slots. */
  readonly #freed: number[] = [];
  #isCalling = false;
  #isClosed = false;

  add(source: WaitSource): void {
    const slot = this.#free.pop() ?? this.#sources.length;
    this.#sources[slot] = source;
    if (source.pollFd >= 0) waitSetAdd(this.#handle, source.pollFd, slot);
  }

  remove(source: WaitSource): void {
    const slot = this.#sources.indexOf(source);
    if (slot < 0) return;
    this.#sources[slot] = undefined;
    (this.#isCalling ? this.#freed : this.#free).push(slot);
    if (source.pollFd >= 0 && !this.#isClosed) waitSetRemove(this.#handle, source.pollFd);
  }

  others(): OtherDescriptors {
    otherFd[0] = this.#fd;
    return others;
  }

  wait(timeoutUs: number): number {
    const count = waitSetWait(this.#handle, pinnedReady, timeoutUs);
    if (count === 0) return 0;
    const isOutermost = !this.#isCalling;
    this.#isCalling = true;
    let isStale = false;
    try {
      if (count === 1) {
        isStale = !this.#call(ready[0] as number, ready[1] as number);
      } else {
        isStale = this.#callAll(ready.slice(0, 2 * count));
      }
    } finally {
      if (isOutermost) {
        this.#isCalling = false;
        if (this.#freed.length > 0) this.#free.push(...this.#freed.splice(0));
      }
    }
    if (isStale && isOutermost) this.#renew();
    return count;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    waitSetClose(this.#handle);
  }

  /** False where no source has this slot. */
  #call(slot: number, events: number): boolean {
    const source = this.#sources[slot];
    source?.onReady(events);
    return source !== undefined;
  }

  /** Whether one of them has no source, and had none before the others were called. */
  #callAll(shown: Int32Array): boolean {
    let isStale = false;
    for (let at = 0; at < shown.length; at += 2) isStale ||= this.#sources[shown[at] as number] === undefined;
    for (let at = 0; at < shown.length; at += 2) this.#call(shown[at] as number, shown[at + 1] as number);
    return isStale;
  }

  /** A descriptor was closed without having been removed, and the IUT holds its file: only a new set gets rid of it. */
  #renew(): void {
    waitSetClose(this.#handle);
    this.#handle = waitSetCreate();
    this.#fd = waitSetFd(this.#handle);
    for (const [slot, source] of this.#sources.entries()) {
      if (source !== undefined && source.pollFd >= 0) waitSetAdd(this.#handle, source.pollFd, slot);
    }
  }
}
