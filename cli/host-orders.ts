import { readSync } from 'node:fs';
import { type HostOrder, hostOrder } from './host-protocol.ts';

const newline = 0x0a;

/** The orders that come on standard input, a line of JSON each. Blocks. */
export class HostOrders {
  #rest = Buffer.alloc(0);
  readonly #chunk = Buffer.alloc(65_536);

  /** The next order; undefined where the parent went away. */
  next(): HostOrder | undefined {
    for (;;) {
      const end = this.#rest.indexOf(newline);
      if (end >= 0) {
        const line = this.#rest.toString('utf8', 0, end);
        this.#rest = this.#rest.subarray(end + 1);
        return hostOrder.parse(JSON.parse(line));
      }
      const length = readSync(0, this.#chunk, 0, this.#chunk.length, null);
      if (length === 0) return undefined;
      this.#rest = Buffer.concat([this.#rest, this.#chunk.subarray(0, length)]);
    }
  }
}
