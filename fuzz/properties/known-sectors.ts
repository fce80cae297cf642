import {
  BLOCK_HEADER_SIZE,
  decodeBlockHeader,
  SECTOR_SIZE,
  VIRTIO_BLK_T_IN,
  VIRTIO_BLK_T_OUT,
} from '../../reference-impl/devices/block-layout.ts';

/** What a request of a block device does with its sectors. */
export interface SectorUse {
  readonly isWrite: boolean;
  readonly first: number;
  readonly count: number;
}

const mostSector = 0xffff_ffffn;

/** The sectors that a request reads or writes; undefined for any other request. */
export function sectorUse(readable: Uint8Array, room: number): SectorUse | undefined {
  if (readable.length < BLOCK_HEADER_SIZE || room === 0) return undefined;
  const { type, sector } = decodeBlockHeader(readable);
  const isWrite = type === VIRTIO_BLK_T_OUT;
  if ((!isWrite && type !== VIRTIO_BLK_T_IN) || sector > mostSector) return undefined;
  const bytes = isWrite ? readable.length - BLOCK_HEADER_SIZE : room - 1;
  return { isWrite, first: Number(sector), count: Math.ceil(bytes / SECTOR_SIZE) };
}

/** Which sectors hold what this program wrote, with no other request to them under way. */
export class KnownSectors {
  readonly #written = new Set<number>();
  /** Requests under way to each sector, writes and reads. */
  readonly #writes = new Map<number, number>();
  /** Reads under way that a write came beside. */
  readonly #disturbed = new Set<SectorUse>();
  readonly #reads = new Set<SectorUse>();

  /** The request was added. Anything but a read or a write may change any sector. */
  begin(use: SectorUse | undefined): void {
    if (use === undefined) {
      this.#written.clear();
      for (const read of this.#reads) this.#disturbed.add(read);
      return;
    }
    if (!use.isWrite) {
      this.#reads.add(use);
      if (!sectorsOf(use).every((sector) => this.#written.has(sector) && !this.#writes.has(sector))) {
        this.#disturbed.add(use);
      }
      return;
    }
    for (const sector of sectorsOf(use)) this.#writes.set(sector, (this.#writes.get(sector) ?? 0) + 1);
    for (const read of this.#reads) if (overlaps(read, use)) this.#disturbed.add(read);
  }

  /** It was used. Whether what a read brought is known. */
  end(use: SectorUse): boolean {
    if (!use.isWrite) {
      this.#reads.delete(use);
      return !this.#disturbed.has(use);
    }
    for (const sector of sectorsOf(use)) {
      const left = (this.#writes.get(sector) ?? 1) - 1;
      if (left > 0) {
        // Two writes at once have no order.
        this.#writes.set(sector, left);
        this.#written.delete(sector);
      } else {
        this.#writes.delete(sector);
        this.#written.add(sector);
      }
    }
    return true;
  }
}

const overlaps = (one: SectorUse, other: SectorUse): boolean =>
  one.first < other.first + other.count && other.first < one.first + one.count;

function sectorsOf({ first, count }: SectorUse): number[] {
  return Array.from({ length: count }, (_, at) => first + at);
}
