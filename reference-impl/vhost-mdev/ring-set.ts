import type { ParentDriver, QueueFailure } from '../devices/parent-driver.ts';
import { MemoryMap } from '../memory/memory-map.ts';
import { ringLayoutOf } from '../virtqueue/feature-bits.ts';
import { isPackedQueueSize } from '../virtqueue/packed/layout.ts';
import type { RingLayout, RingPosition } from '../virtqueue/ring.ts';
import { isQueueSize } from '../virtqueue/split/layout.ts';
import { decodeVringBase, encodeVringBase } from '../wire/vring-base.ts';
import type { MdevLayout } from './mdev-layout.ts';

/** What is told of a ring. */
export interface RingRecord {
  readonly index: number;
  size: number;
  /** Where reading begins, or would go on. */
  base: number;
  addresses: { readonly desc: bigint; readonly avail: bigint; readonly used: bigint } | undefined;
  logAddress: bigint;
  /** How often it was started since the device was opened or reset. */
  starts: number;
}

export interface MdevRingRules {
  /** Size 0 takes a ring out of use. */
  readonly acceptsSize: (size: number, layout: RingLayout) => boolean;
  readonly acceptsBase: (base: number, layout: RingLayout) => boolean;
  readonly storedSize: (size: number) => number;
  readonly storedBase: (base: number, layout: RingLayout) => number;
  /** Whether what is told of rings may change while the device runs; it counts from the next start on. */
  readonly changesWhileRunning: boolean;
  /** Whether the device runs although a ring cannot be started. */
  readonly startsAnyhow: boolean;
  /** Whether rings are looked at when they start, or only when they are notified; `starts` counts this one. */
  readonly servesAtStart: (starts: number) => boolean;
  /** GET_VRING_BASE of a ring that runs: what was told, or where it is by now, and it rests until the next start. */
  readonly baseWhileRunning: 'as-told' | 'as-run';
  /** GET_VRING_BASE of a ring that there is not; undefined where that is an error. */
  readonly baseOfMissingRing: number | undefined;
  /** Whether a ring that runs goes on where memory changes; else it rests until the next start. */
  readonly goesOnInOtherMemory: (ring: RingRecord) => boolean;
  readonly reportedBase: (base: number) => number;
  /** Where a ring that was stopped goes on. */
  readonly resumedBase: (base: number) => number;
}

export const strictRingRules: MdevRingRules = {
  acceptsSize: (size, layout) => size === 0 || (layout === 'packed' ? isPackedQueueSize(size) : isQueueSize(size)),
  acceptsBase: (base, layout) => layout === 'packed' || base <= 0xffff,
  storedSize: (size) => size,
  storedBase: (base) => base,
  changesWhileRunning: false,
  startsAnyhow: false,
  servesAtStart: () => true,
  baseWhileRunning: 'as-run',
  baseOfMissingRing: undefined,
  goesOnInOtherMemory: () => true,
  reportedBase: (base) => base,
  resumedBase: (base) => base,
};

const newRecord = (index: number): RingRecord => ({
  index,
  size: 0,
  base: 0,
  addresses: undefined,
  logAddress: 0n,
  starts: 0,
});

/** Rings up to the last one that an address was told of. */
export const ringsInUse = (records: readonly RingRecord[]): number =>
  records.findLastIndex(({ addresses }) => addresses !== undefined) + 1;

/** The rings of a device: what is told of them and of memory, and the parent that works on them while the device runs. */
export class RingSet {
  readonly #parent: ParentDriver;
  readonly #rules: MdevRingRules;
  readonly #layout: MdevLayout;
  #told!: { readonly records: readonly RingRecord[]; table: MemoryMap };

  constructor(parent: ParentDriver, rules: MdevRingRules, layout: MdevLayout) {
    this.#parent = parent;
    this.#rules = rules;
    this.#layout = layout;
    this.forget();
  }

  get records(): readonly RingRecord[] {
    return this.#told.records;
  }

  /** What SET_MEM_TABLE told. */
  get table(): MemoryMap {
    return this.#told.table;
  }

  set table(table: MemoryMap) {
    this.#told.table = table;
  }

  /** Starts every ring that has a size and addresses. What is wrong with the first that cannot be, if one cannot. */
  start(memory: MemoryMap): QueueFailure | undefined {
    this.#parent.setMemory(memory);
    for (const ring of this.records) {
      const why = this.#startRing(ring);
      if (why === undefined || this.#rules.startsAnyhow) continue;
      this.stop();
      return why;
    }
    return undefined;
  }

  /** Stops every ring and keeps where it was. */
  stop(): void {
    for (const ring of this.records) this.#stopRing(ring);
  }

  /** Lets rings that run go on in other memory; one that is not in it is at rest until the next start. */
  move(memory: MemoryMap): void {
    const running = this.records.filter((ring) => this.#isStarted(ring));
    for (const ring of running) this.#stopRing(ring);
    this.#parent.setMemory(memory);
    for (const ring of running) if (this.#rules.goesOnInOtherMemory(ring)) this.#startRing(ring);
  }

  /** GET_VRING_BASE; undefined for a ring that there is not. */
  tellBase(index: number): number | undefined {
    const ring = this.records[index];
    if (ring === undefined) return this.#rules.baseOfMissingRing;
    if (this.#rules.baseWhileRunning === 'as-run') this.#stopRing(ring);
    return this.#rules.reportedBase(ring.base);
  }

  /** Nothing was told. */
  forget(): void {
    const records = Array.from({ length: this.#parent.queueCount }, (_, index) => newRecord(index));
    this.#told = { records, table: new MemoryMap() };
  }

  get #layoutOfRings(): RingLayout {
    return ringLayoutOf(this.#parent.features);
  }

  /** The parent works on it. */
  #isStarted({ index }: RingRecord): boolean {
    return this.#parent.queueState(index).isStarted;
  }

  #startRing(ring: RingRecord): QueueFailure | undefined {
    const { index, size, addresses, base } = ring;
    if (size === 0 || addresses === undefined) return undefined;
    const { ringSpace, bufferSpace } = this.#layout;
    const position = decodeVringBase(this.#layoutOfRings, base);
    const areas = { descriptor: addresses.desc, driver: addresses.avail, device: addresses.used };
    const why = this.#parent.startQueue(index, { size, areas, ringSpace, bufferSpace, position });
    if (why !== undefined) return why;
    ring.starts++;
    this.#parent.setQueueEnabled(index, true);
    if (this.#rules.servesAtStart(ring.starts)) this.#parent.awaken(index);
    return undefined;
  }

  #stopRing(ring: RingRecord): void {
    if (!this.#isStarted(ring)) return;
    ring.base = this.#rules.resumedBase(encodeVringBase(this.#parent.stopQueue(ring.index) as RingPosition));
  }
}
