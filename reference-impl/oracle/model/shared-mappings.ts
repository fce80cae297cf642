import type { Tell } from './observation.ts';

/** A range of a shared memory region, in bytes. */
export interface AskedMapping {
  readonly shmid: number;
  readonly shmOffset: bigint;
  readonly len: bigint;
}

const named = ({ shmid, shmOffset, len }: AskedMapping): string => `${len} bytes at ${shmOffset} of region ${shmid}`;

const meet = (one: AskedMapping, other: AskedMapping): boolean =>
  one.shmid === other.shmid && one.shmOffset < other.shmOffset + other.len && other.shmOffset < one.shmOffset + one.len;

const isSame = (one: AskedMapping, other: AskedMapping): boolean => named(one) === named(other);

/** What a back-end has its front-end map into VIRTIO shared memory regions, where each request is carried out. */
export class SharedMappings {
  /** Of the regions, by their ids, once they were told. */
  sizes: readonly bigint[] | undefined;
  wereMade = false;
  readonly #tell: Tell;
  #made: readonly AskedMapping[] = [];

  constructor(tell: Tell) {
    this.#tell = tell;
  }

  map(asked: AskedMapping): void {
    this.wereMade = true;
    const size = this.sizes === undefined ? undefined : (this.sizes[asked.shmid] ?? 0n);
    const isWithin = size === undefined || (asked.len > 0n && asked.shmOffset + asked.len <= size);
    const taken = this.#made.find((other) => meet(asked, other));
    if (!isWithin) this.#unfit('a range to be mapped', `bytes within the ${size} of the region`, asked);
    else if (taken !== undefined) this.#unfit('a range to be mapped', `none that meets ${named(taken)}`, asked);
    this.#made = [...this.#made, asked];
  }

  unmap(asked: AskedMapping): void {
    const left = this.#made.filter((other) => !isSame(asked, other));
    if (left.length === this.#made.length) {
      this.#unfit('a range to be unmapped', `one of ${this.#made.map(named).join(', ') || 'none'}`, asked);
    }
    this.#made = left;
  }

  #unfit(what: string, expected: string, asked: AskedMapping): void {
    this.#tell({
      requirement: 'vu-shmem/map-free-range-unmap-whole-mapping',
      what,
      expected,
      actual: named(asked),
    });
  }
}
