import type { PageArrivals } from '../memory/mapped-region.ts';
import type { PageFaults, SharedMemory } from './back-end-edge.ts';

const unasked = 0;
const asked = 1;
const arrived = 2;

/** Which pages of a region have come. What a device needs of the others is accessed by a thread, which waits for it. */
export class AwaitedPages implements PageArrivals {
  readonly #faults: PageFaults;
  readonly #memory: SharedMemory;
  readonly #pageSize: number;
  readonly #pages: Uint8Array;
  readonly #tell: () => void;
  #stand: 'closed' | 'open' | 'all-there' = 'closed';

  /** `tell` is called when pages have come. */
  constructor(faults: PageFaults, memory: SharedMemory, pageSize: number, tell: () => void) {
    this.#faults = faults;
    this.#memory = memory;
    this.#pageSize = pageSize;
    this.#pages = new Uint8Array(Math.ceil(memory.bytes.length / pageSize));
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
      if (this.#pages[page] === arrived) continue;
      all = false;
      if (this.#pages[page] === unasked && this.#stand === 'open') this.#ask(page);
    }
    return all;
  }

  #ask(page: number): void {
    this.#pages[page] = asked;
    const start = page * this.#pageSize;
    const length = Math.min(this.#pageSize, this.#memory.bytes.length - start);
    this.#faults.touch(this.#memory, start, length, () => {
      this.#pages[page] = arrived;
      this.#tell();
    });
  }
}
