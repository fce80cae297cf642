import type { DriverPort, VhostUserSession } from '../../drivers/port/port.ts';
import type { PackedDescriptor } from '../../reference-impl/virtqueue/packed/ring-memory.ts';
import type { InflightMemory } from './inflight-ring.ts';

/** struct QueueRegionPacked (vhost-user, "Inflight I/O tracking"): a header of 32 bytes, then 32 for each descriptor. */
const headerSize = 32;
const entrySize = 32;

/** Where the region says that its ring stands. */
export interface RecordedPosition {
  readonly freeHead: number;
  readonly usedIdx: number;
  readonly usedWrap: number;
}

export interface RecordedEntry extends PackedDescriptor {
  readonly isInflight: boolean;
  /** The entry behind this one, in its list or in the free list. */
  readonly next: number;
  /** The last entry of the list, where the entry is that of a first one. */
  readonly last: number;
  /** Descriptors of the list, where the entry is that of a first one. */
  readonly num: number;
  readonly counter: bigint;
}

interface WrittenHeader {
  readonly version: number;
  readonly descNum: number;
  readonly position: RecordedPosition;
  /** As `position` unless told. */
  readonly old: RecordedPosition;
}

const freshHeader = (size: number): Omit<WrittenHeader, 'old'> & Partial<WrittenHeader> => ({
  version: 1,
  descNum: size,
  position: { freeHead: 0, usedIdx: 0, usedWrap: 1 },
});

type WrittenEntry = Partial<RecordedEntry>;

/** A list that was fetched: the entries that hold its descriptors, in order. */
export interface WrittenList {
  readonly entries: readonly number[];
  readonly descriptors: readonly PackedDescriptor[];
  readonly counter: bigint;
  /** Marked as in flight, unless told. */
  readonly isInflight?: boolean;
}

/** The record of one packed queue in the buffer of a back-end. */
export class PackedInflightQueue {
  readonly #port: DriverPort<VhostUserSession>;
  readonly #fd: number;
  readonly #at: number;
  readonly #size: number;

  constructor(port: DriverPort<VhostUserSession>, { fd, description }: InflightMemory, queue: number, size: number) {
    this.#port = port;
    this.#fd = fd;
    this.#size = size;
    const stride = Math.floor(Number(description.mmapSize) / Math.max(1, description.numQueues));
    this.#at = Number(description.mmapOffset) + queue * stride;
  }

  get position(): RecordedPosition {
    const header = this.#bytes(0, headerSize);
    return {
      freeHead: header.getUint16(12, true),
      usedIdx: header.getUint16(16, true),
      usedWrap: header.getUint8(20),
    };
  }

  /** The same, as it was before the last update. */
  get oldPosition(): RecordedPosition {
    const header = this.#bytes(0, headerSize);
    return {
      freeHead: header.getUint16(14, true),
      usedIdx: header.getUint16(18, true),
      usedWrap: header.getUint8(21),
    };
  }

  get version(): number {
    return this.#bytes(0, headerSize).getUint16(8, true);
  }

  get descNum(): number {
    return this.#bytes(0, headerSize).getUint16(10, true);
  }

  /** The free list, as far as it has entries of the region, each once. */
  freeEntries(): number[] {
    const entries = this.entries();
    const free = new Set<number>();
    for (let at = this.position.freeHead; at < this.#size && !free.has(at); at = entries[at]?.next ?? this.#size) {
      free.add(at);
    }
    return [...free];
  }

  /** Writes the header: what is left out is as in a region whose every entry is free. */
  setHeader(fields: Partial<WrittenHeader>): void {
    const { version, descNum, position, old = position } = { ...freshHeader(this.#size), ...fields };
    const header = new DataView(new ArrayBuffer(headerSize));
    header.setUint16(8, version, true);
    header.setUint16(10, descNum, true);
    header.setUint16(12, position.freeHead, true);
    header.setUint16(14, old.freeHead, true);
    header.setUint16(16, position.usedIdx, true);
    header.setUint16(18, old.usedIdx, true);
    header.setUint8(20, position.usedWrap);
    header.setUint8(21, old.usedWrap);
    this.#store(0, header);
  }

  setEntry(
    index: number,
    { isInflight = false, next = 0, last = 0, num = 0, counter = 0n, ...fields }: WrittenEntry,
  ): void {
    const { id = 0, flags = 0, len = 0, addr = 0n } = fields;
    const entry = new DataView(new ArrayBuffer(entrySize));
    entry.setUint8(0, isInflight ? 1 : 0);
    entry.setUint16(2, next, true);
    entry.setUint16(4, last, true);
    entry.setUint16(6, num, true);
    entry.setBigUint64(8, counter, true);
    entry.setUint16(16, id, true);
    entry.setUint16(18, flags, true);
    entry.setUint32(20, len, true);
    entry.setBigUint64(24, addr, true);
    this.#store(headerSize + entrySize * index, entry);
  }

  /**
   * Writes the entries as a back-end has them that fetched these lists and used none; all others are in the free list, in
   * their order. Returns the first free entry.
   */
  setLists(lists: readonly WrittenList[]): number {
    const taken = new Set(lists.flatMap(({ entries }) => entries));
    const free = Array.from({ length: this.#size }, (_, entry) => entry).filter((entry) => !taken.has(entry));
    for (const [at, entry] of free.entries()) this.setEntry(entry, { next: free[at + 1] ?? this.#size });
    for (const { entries, counter, descriptors, isInflight = true } of lists) {
      const last = entries.at(-1) ?? 0;
      for (const [at, entry] of entries.entries()) {
        const first = at === 0 ? { isInflight, last, num: entries.length, counter } : {};
        this.setEntry(entry, { ...descriptors[at], ...first, next: entries[at + 1] ?? free[0] ?? this.#size });
      }
    }
    return free[0] ?? this.#size;
  }

  entries(): RecordedEntry[] {
    return Array.from({ length: this.#size }, (_, index) => {
      const entry = this.#bytes(headerSize + entrySize * index, entrySize);
      return {
        isInflight: entry.getUint8(0) !== 0,
        next: entry.getUint16(2, true),
        last: entry.getUint16(4, true),
        num: entry.getUint16(6, true),
        counter: entry.getBigUint64(8, true),
        id: entry.getUint16(16, true),
        flags: entry.getUint16(18, true),
        len: entry.getUint32(20, true),
        addr: entry.getBigUint64(24, true),
      };
    });
  }

  #store(at: number, { buffer }: DataView<ArrayBuffer>): void {
    this.#port.descriptors.store(this.#fd, this.#at + at, new Uint8Array(buffer));
  }

  #bytes(at: number, length: number): DataView {
    const bytes = new Uint8Array(length);
    bytes.set(this.#port.descriptors.load(this.#fd, this.#at + at, length));
    return new DataView(bytes.buffer);
  }
}
