import type { PageArrivals } from '../memory/mapped-region.ts';
import type { PageFaults, SharedMemory } from './back-end-edge.ts';

/** Which pages of a region have come. What a device needs of the others is accessed by a thread, which waits for it. */
export class AwaitedPages implements PageArrivals {
  readonly #faults: PageFaults;
  readonly #memory: SharedMemory;
  readonly #pageSize: number;
  readonly #asked = new Set<number>();
  readonly #arrived = new Set<number>();
  readonly #tell: () => void;
  #stand: 'closed' | 'open' | 'all-there' = 'closed';

  /** `tell` is called when pages have come. */
  constructor(faults: PageFaults, memory: SharedMemory, pageSize: number, tell: () => void) {
    this.#faults = faults;
    this.#memory = memory;
    this.#pageSize = pageSize;
    this.#tell = tell;
  }

  /** Pages may be asked for from now on. */
  open(): void {
    this.#stand = 'open';
  }

  /** No page has to be waited for any more. */
  end(): void {
    this.#stand = 'all-there';
  }

  areThere(offset: number, length: number): boolean {
    if (this.#stand === 'all-there' || length === 0) return true;
    const last = Math.floor((offset + length - 1) / this.#pageSize);
    let all = true;
    for (let page = Math.floor(offset / this.#pageSize); page <= last; page++) {
      if (this.#arrived.has(page)) continue;
      all = false;
      if (!this.#asked.has(page) && this.#stand === 'open') this.#ask(page);
    }
    return all;
  }

  #ask(page: number): void {
    this.#asked.add(page);
    const start = page * this.#pageSize;
    const length = Math.min(this.#pageSize, this.#memory.bytes.length - start);
    this.#faults.touch(this.#memory, start, length, () => {
      this.#arrived.add(page);
      this.#tell();
    });
  }
}
