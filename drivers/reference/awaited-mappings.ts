import type { DescriptorToken, PageFaults, SharedMemory } from '../../reference-impl/vhost-user/back-end-edge.ts';
import { SystemCallError } from '../errors.ts';
import {
  closeFd,
  dupFd,
  eventfdCreate,
  eventfdRead,
  type Mapping,
  startTouch,
  type Touch,
  userfaultOpen,
  userfaultRegister,
  userfaultUnregister,
} from '../native/native.ts';

/** What holds the descriptors and mappings of a back-end. */
interface Holder {
  hold(tokens: readonly DescriptorToken[]): void;
  mappingOf(memory: SharedMemory): Mapping | undefined;
  hasSignalled: boolean;
}

interface Awaited {
  readonly memory: SharedMemory;
  readonly touch: Touch;
  readonly arrived: () => void;
}

/** Waiting for pages of mappings: a thread for each access that may wait, and an eventfd that says that it is over. */
export class AwaitedMappings implements PageFaults {
  readonly #holder: Holder;
  readonly #pageSize: number;
  readonly #registered = new Map<SharedMemory, DescriptorToken>();
  readonly #awaited = new Set<Awaited>();
  #eventfd = -1;

  constructor(holder: Holder, pageSize: number) {
    this.#holder = holder;
    this.#pageSize = pageSize;
  }

  /** Readable when an access is over; -1 while none is under way. */
  get arrivalsFd(): number {
    return this.#eventfd;
  }

  open(): DescriptorToken | undefined {
    return this.#held(userfaultOpen);
  }

  share(userfault: DescriptorToken): DescriptorToken | undefined {
    return this.#held(() => dupFd(userfault));
  }

  addressOf(memory: SharedMemory): bigint {
    return (this.#holder.mappingOf(memory)?.address ?? 0n) + BigInt(memory.bytes.byteOffset);
  }

  register(userfault: DescriptorToken, memory: SharedMemory): void {
    const mapping = this.#holder.mappingOf(memory);
    if (mapping === undefined || this.#registered.has(memory)) return;
    try {
      userfaultRegister(userfault, mapping.address, this.#wholePages(mapping));
    } catch (error) {
      if (error instanceof SystemCallError) return;
      throw error;
    }
    this.#registered.set(memory, userfault);
  }

  unregister(memory: SharedMemory): void {
    const userfault = this.#registered.get(memory);
    const mapping = this.#holder.mappingOf(memory);
    if (userfault === undefined || mapping === undefined) return;
    this.#registered.delete(memory);
    userfaultUnregister(userfault, mapping.address, this.#wholePages(mapping));
  }

  touch(memory: SharedMemory, offset: number, length: number, arrived: () => void): void {
    const mapping = this.#holder.mappingOf(memory);
    if (mapping === undefined) return;
    if (this.#eventfd < 0) this.#eventfd = eventfdCreate();
    const start = memory.bytes.byteOffset + offset;
    const touch = startTouch(mapping, start, length, this.#pageSize, this.#eventfd);
    this.#awaited.add({ memory, touch, arrived });
  }

  takeArrivals(): void {
    if (this.#eventfd < 0) return;
    eventfdRead(this.#eventfd);
    for (const awaited of this.#awaited) {
      if (!awaited.touch.isOver()) continue;
      this.#end(awaited);
      awaited.arrived();
    }
    this.#settle();
  }

  /** Memory is about to be unmapped. */
  forget(memory: SharedMemory): void {
    this.unregister(memory);
    for (const awaited of this.#awaited) if (awaited.memory === memory) this.#end(awaited);
    this.#settle();
  }

  #wholePages({ length }: Mapping): number {
    return Math.ceil(length / this.#pageSize) * this.#pageSize;
  }

  #end(awaited: Awaited): void {
    this.#awaited.delete(awaited);
    awaited.touch.end();
    this.#holder.hasSignalled = true;
  }

  #settle(): void {
    if (this.#awaited.size > 0 || this.#eventfd < 0) return;
    closeFd(this.#eventfd);
    this.#eventfd = -1;
  }

  #held(make: () => number): DescriptorToken | undefined {
    try {
      const token = make();
      this.#holder.hold([token]);
      return token;
    } catch (error) {
      if (error instanceof SystemCallError) return undefined;
      throw error;
    }
  }
}
