import { closeFd, type Mapping, mapMemory, memfdCreate } from '../native/native.ts';
import type { Coverage } from '../port/port.ts';

/** By this variable of its environment an IUT finds the memory: `fixtures/native-targets/coverage-runtime.c` writes it. */
export const coverageVariable = 'VHOST_CONFORMANCE_COVERAGE';

const magic = [...Buffer.from('VHCOVER1')];
const edgesAt = 8;
const programAt = 16;
const lastAt = 24;
const countersAt = 4096;
const mostEdges = 1 << 20;

/** Memory for the counters of an instrumented IUT: a sealed file of ours, so that it cannot shrink under us. */
export class CoverageMemory implements Coverage {
  readonly #fd: number;
  readonly #mapping: Mapping;
  readonly #header: DataView;
  readonly #counters: Uint8Array;
  /** The counters by fours: most are zero. */
  readonly #words: Uint32Array;

  constructor() {
    this.#fd = memfdCreate('vhost-conformance-coverage', countersAt + mostEdges, { seal: true });
    try {
      this.#mapping = mapMemory(this.#fd, countersAt + mostEdges);
    } catch (error) {
      closeFd(this.#fd);
      throw error;
    }
    const { buffer } = this.#mapping;
    this.#header = new DataView(buffer, 0, countersAt);
    this.#counters = new Uint8Array(buffer, countersAt);
    this.#words = new Uint32Array(buffer, countersAt);
  }

  /** Where another process can open it, as long as this one lives. */
  get path(): string {
    return `/proc/${process.pid}/fd/${this.#fd}`;
  }

  get program(): bigint | undefined {
    if (!this.#mapping.isMapped || magic.some((byte, at) => this.#header.getUint8(at) !== byte)) return undefined;
    return this.#header.getBigUint64(programAt, true);
  }

  /** Where in the file of the program the last edge was taken; undefined where none was. */
  get lastPlace(): bigint | undefined {
    const place = this.program === undefined ? 0n : this.#header.getBigUint64(lastAt, true);
    return place === 0n ? undefined : place;
  }

  read(each: (edge: number, times: number) => void): void {
    const words = this.#wordsInUse;
    for (let word = 0; word < words; word++) {
      if (this.#words[word] === 0) continue;
      for (let edge = word * 4; edge < word * 4 + 4; edge++) {
        const times = this.#counters[edge] ?? 0;
        if (times > 0) each(edge, times);
      }
    }
  }

  clear(): void {
    this.#words.fill(0, 0, this.#wordsInUse);
  }

  /** Views of the memory become empty. */
  close(): void {
    if (!this.#mapping.isMapped) return;
    this.#mapping.unmap();
    closeFd(this.#fd);
  }

  /** What the IUT says of its number of edges may be anything. */
  get #wordsInUse(): number {
    if (this.program === undefined) return 0;
    return Math.min(Math.ceil(this.#header.getUint32(edgesAt, true) / 4), this.#words.length);
  }
}
