import type { RequirementSlug } from '../../catalogue/catalogue.ts';
import {
  BLOCK_HEADER_SIZE,
  BLOCK_ID_SIZE,
  type BlockRange,
  blockConfig,
  decodeBlockHeader,
  decodeRanges,
  RANGE_SIZE,
  SECTOR_SIZE,
  VIRTIO_BLK_F_DISCARD,
  VIRTIO_BLK_F_FLUSH,
  VIRTIO_BLK_F_RO,
  VIRTIO_BLK_F_SECURE_ERASE,
  VIRTIO_BLK_F_WRITE_ZEROES,
  VIRTIO_BLK_F_ZONED,
  VIRTIO_BLK_S_IOERR,
  VIRTIO_BLK_S_OK,
  VIRTIO_BLK_S_UNSUPP,
  VIRTIO_BLK_T_DISCARD,
  VIRTIO_BLK_T_FLUSH,
  VIRTIO_BLK_T_GET_ID,
  VIRTIO_BLK_T_IN,
  VIRTIO_BLK_T_OUT,
  VIRTIO_BLK_T_SECURE_ERASE,
  VIRTIO_BLK_T_WRITE_ZEROES,
} from '../../devices/block-layout.ts';
import { type DeviceModel, type DeviceModelOptions, type Pending, type Request, tellLength } from './device-model.ts';
import { DiskModel } from './disk-model.ts';

export interface BlockModelOptions extends DeviceModelOptions {
  /** Sectors of the disk, where that is known. */
  readonly capacity: bigint | undefined;
  /** The configuration space, where it was read: limits of requests for ranges. */
  readonly configuration: Uint8Array | undefined;
}

/** Types that the text defines, beside those below: what they do is not modelled. */
const otherTypes = new Set([2, 3, 5, 10, 17, 19, 21]);
/** Commands for zones, from ZONE_APPEND to ZONE_RESET_ALL. */
const zoneTypes = new Set([15, 16, 18, 20, 22, 24, 26]);
/** VIRTIO_BLK_T_BARRIER of legacy drivers, beside another type. */
const barrier = 0x8000_0000;
const unmap = 1;
/** Requests for ranges: where configuration has the most sectors of a range, and behind them the most ranges. */
const rangeTypes = {
  [VIRTIO_BLK_T_DISCARD]: {
    what: 'DISCARD',
    feature: VIRTIO_BLK_F_DISCARD,
    requirement: 'blk/discard-succeeds',
    limits: blockConfig.maxDiscardSectors,
    alignmentAt: blockConfig.discardSectorAlignment,
  },
  [VIRTIO_BLK_T_WRITE_ZEROES]: {
    what: 'WRITE_ZEROES',
    feature: VIRTIO_BLK_F_WRITE_ZEROES,
    requirement: 'blk/every-segment-carried-out',
    limits: blockConfig.maxWriteZeroesSectors,
    alignmentAt: undefined,
  },
  [VIRTIO_BLK_T_SECURE_ERASE]: {
    what: 'SECURE_ERASE',
    feature: VIRTIO_BLK_F_SECURE_ERASE,
    requirement: 'blk/secure-erase-succeeds',
    limits: blockConfig.maxSecureEraseSectors,
    alignmentAt: blockConfig.secureEraseSectorAlignment,
  },
} as const;
/** Larger disks have sectors whose numbers are no exact numbers. */
const countableSectors = 1n << 52n;

/** The block device (virtio 5.2): statuses, lengths, and the data of a disk. */
export class BlockModel implements DeviceModel {
  readonly #options: BlockModelOptions;
  readonly #disk = new DiskModel();
  #id: Uint8Array | undefined;

  constructor(options: BlockModelOptions) {
    this.#options = options;
  }

  lose(): void {
    this.#disk.lose();
  }

  begin(request: Request, _index: number, features: bigint): Pending {
    const { readable, room } = request;
    if (readable.length < BLOCK_HEADER_SIZE || room === 0) {
      this.#disk.lose();
      return { isOwed: false, endsRing: true, complete: () => this.#options.take('ended-by-request') };
    }
    const { type, sector } = decodeBlockHeader(readable);
    const data = readable.subarray(BLOCK_HEADER_SIZE);
    switch (type) {
      case VIRTIO_BLK_T_IN:
        return data.length > 0 ? this.#undefined() : this.#read(sector, room - 1);
      case VIRTIO_BLK_T_OUT:
        return room > 1 ? this.#undefined(sector, data.length) : this.#write(sector, data, features);
      case VIRTIO_BLK_T_FLUSH:
        if ((features & VIRTIO_BLK_F_FLUSH) === 0n || sector !== 0n || data.length > 0 || room > 1) {
          return this.#undefined();
        }
        return this.#plain('FLUSH', 'blk/flush-succeeds', VIRTIO_BLK_S_OK, room);
      case VIRTIO_BLK_T_GET_ID:
        return data.length > 0 || room !== BLOCK_ID_SIZE + 1 ? this.#undefined() : this.#getId(room);
      case VIRTIO_BLK_T_DISCARD:
      case VIRTIO_BLK_T_WRITE_ZEROES:
      case VIRTIO_BLK_T_SECURE_ERASE:
        return room > 1 ? this.#unfollowed() : this.#ranges(type, data, features);
      default:
        if (otherTypes.has(type) || type >= barrier) return this.#unfollowed();
        if (zoneTypes.has(type) && (features & VIRTIO_BLK_F_ZONED) !== 0n) return this.#unfollowed();
        return this.#plain(
          `a request of type ${type}`,
          zoneTypes.has(type) ? 'blk/zone-commands-unsupported-without-zoned' : 'blk/unknown-request-unsupported',
          VIRTIO_BLK_S_UNSUPP,
          undefined,
        );
    }
  }

  /** The driver broke a rule of requests: any status, and any data in the bytes that a write names. */
  #undefined(sector = 0n, bytes = 0): Pending {
    if (sector > countableSectors) bytes = 0;
    const write = this.#disk.beginWrite(Number(sector), Math.ceil(bytes / SECTOR_SIZE), undefined);
    return {
      isOwed: false,
      complete: () => {
        this.#options.take('undefined-request');
        this.#disk.endWrite(write, false);
      },
    };
  }

  /** As `undefined`, where the sectors are not told. */
  #unfollowed(): Pending {
    this.#disk.lose();
    return this.#undefined();
  }

  /** A request whose status is all that matters. */
  #plain(what: string, requirement: RequirementSlug, expected: number, room: number | undefined): Pending {
    return {
      isOwed: true,
      complete: ({ len, written }, layout) => {
        this.#expectStatus(what, requirement, expected, written);
        if (room !== undefined) tellLength(this.#options.tell, layout, what, room, len);
      },
    };
  }

  #read(sector: bigint, bytes: number): Pending {
    const what = `a read of ${bytes} bytes at sector ${sector}`;
    const isWhole = bytes > 0 && bytes % SECTOR_SIZE === 0;
    if (isWhole && this.#isPastDisk(sector, bytes / SECTOR_SIZE)) return this.#failing(what, this.#undefined());
    if (!isWhole || !this.#isInDisk(sector, bytes / SECTOR_SIZE)) return this.#undefined();
    const since = this.#disk.beginRead();
    return {
      isOwed: true,
      complete: ({ len, written }, layout) => {
        const { tell } = this.#options;
        if (this.#expectStatus(what, 'blk/status-byte-written', VIRTIO_BLK_S_OK, written)) {
          tellLength(tell, layout, what, bytes + 1, len);
          const wrong = this.#disk.read(Number(sector), written.subarray(0, bytes), since);
          if (wrong !== undefined) {
            tell({
              requirement: 'blk/read-returns-written-data',
              what: `byte ${wrong.offset} of sector ${wrong.sector}`,
              expected: wrong.allowed.join(' or '),
              actual: String(wrong.actual),
            });
          }
        }
        this.#disk.endRead();
      },
    };
  }

  #write(sector: bigint, data: Uint8Array, features: bigint): Pending {
    const what = `a write of ${data.length} bytes at sector ${sector}`;
    const sectors = data.length / SECTOR_SIZE;
    if (data.length === 0 || !Number.isInteger(sectors) || !this.#isInDisk(sector, sectors)) {
      const isPast = data.length > 0 && Number.isInteger(sectors) && this.#isPastDisk(sector, sectors);
      const pending = this.#undefined(sector, data.length);
      return isPast ? this.#failing(what, pending) : pending;
    }
    if ((features & VIRTIO_BLK_F_RO) !== 0n) {
      return this.#plain(what, 'blk/read-only-write-yields-ioerr', VIRTIO_BLK_S_IOERR, 1);
    }
    const write = this.#disk.beginWrite(Number(sector), sectors, data);
    return {
      isOwed: true,
      complete: ({ len, written }, layout) => {
        const isDone = this.#expectStatus(what, 'blk/status-byte-written', VIRTIO_BLK_S_OK, written);
        if (isDone) tellLength(this.#options.tell, layout, what, 1, len);
        this.#endWrite([write], isDone);
      },
    };
  }

  #getId(room: number): Pending {
    return {
      isOwed: true,
      complete: ({ len, written }, layout) => {
        const { tell } = this.#options;
        const requirement = 'blk/get-id-returns-string';
        if (!this.#expectStatus('GET_ID', requirement, VIRTIO_BLK_S_OK, written)) return;
        tellLength(tell, layout, 'GET_ID', room, len);
        const id = written.slice(0, BLOCK_ID_SIZE);
        const end = id.indexOf(0);
        const isString = id.every((byte, at) => (end >= 0 && at >= end ? byte === 0 : byte < 0x80));
        if (!isString) {
          tell({ requirement, what: 'the id', expected: 'ASCII, padded with NUL', actual: id.join(' ') });
        }
        if (this.#id === undefined) this.#options.take('device-id');
        else if (id.some((byte, at) => byte !== this.#id?.[at])) {
          tell({ requirement, what: 'the id', expected: this.#id.join(' '), actual: id.join(' ') });
        }
        this.#id = id;
      },
    };
  }

  #ranges(type: keyof typeof rangeTypes, data: Uint8Array, features: bigint): Pending {
    const { feature, requirement, what } = rangeTypes[type];
    const isCleared = type === VIRTIO_BLK_T_WRITE_ZEROES;
    if ((features & feature) === 0n || data.length === 0 || data.length % RANGE_SIZE !== 0) return this.#unfollowed();
    const ranges = decodeRanges(data);
    const isSound = this.#isWithinLimits(type, ranges);
    if (ranges.some(({ flags }) => (flags & ~unmap) !== 0)) {
      return this.#flagged('a range with unknown flags', 'blk/unknown-range-flags-unsupported', isSound);
    }
    if (!isCleared && ranges.some(({ flags }) => flags !== 0)) {
      return this.#flagged(`${what} with unmap`, 'blk/discard-unmap-unsupported', isSound);
    }
    if (ranges.some(({ sector, sectors }) => sectors > 0 && this.#isPastDisk(sector, sectors))) {
      return this.#failing('a range', this.#unfollowed());
    }
    if (!isSound) return this.#unfollowed();
    const writes = ranges.map(({ sector, sectors }) => {
      const content = isCleared ? new Uint8Array(sectors * SECTOR_SIZE) : undefined;
      return this.#disk.beginWrite(Number(sector), sectors, content);
    });
    return {
      isOwed: true,
      complete: ({ len, written }, layout) => {
        const isDone = this.#expectStatus(what, requirement, VIRTIO_BLK_S_OK, written);
        if (isDone) tellLength(this.#options.tell, layout, what, 1, len);
        if (!isCleared) this.#options.take('discarded-sectors');
        this.#endWrite(writes, isDone);
      },
    };
  }

  #endWrite(writes: readonly ReturnType<DiskModel['beginWrite']>[], isDone: boolean): void {
    if (!isDone) this.#options.take('failed-writes');
    for (const write of writes) this.#disk.endWrite(write, isDone);
  }

  /** Ranges with flags that are not supported. No text says which of two flaws a device finds first: the other may fail it. */
  #flagged(what: string, requirement: RequirementSlug, isSound: boolean): Pending {
    if (isSound) return this.#plain(what, requirement, VIRTIO_BLK_S_UNSUPP, 1);
    return this.#failing(what, this.#unfollowed(), requirement);
  }

  #isWithinLimits(type: keyof typeof rangeTypes, ranges: readonly BlockRange[]): boolean {
    const { configuration } = this.#options;
    const { limits, alignmentAt } = rangeTypes[type];
    const end = Math.max(limits + 8, (alignmentAt ?? 0) + 4);
    if (configuration === undefined || configuration.length < end) return false;
    const view = new DataView(configuration.buffer, configuration.byteOffset, configuration.byteLength);
    const mostSectors = view.getUint32(limits, true);
    const mostRanges = view.getUint32(limits + 4, true);
    const alignment = alignmentAt === undefined ? 1 : view.getUint32(alignmentAt, true);
    if (ranges.length > mostRanges || alignment > 1) return false;
    return ranges.every(
      ({ sector, sectors }) =>
        sectors > 0 && sectors <= Math.min(mostSectors, mostClearedSectors) && this.#isInDisk(sector, sectors),
    );
  }

  /** An access past the end of the disk: what it changes is open, and that it fails is a choice. */
  #failing(what: string, pending: Pending, requirement: RequirementSlug = 'blk/access-past-capacity-fails'): Pending {
    return {
      ...pending,
      complete: (completion, layout) => {
        const { written } = completion;
        if (written[written.length - 1] === VIRTIO_BLK_S_OK) {
          this.#options.tell({ requirement, what: `the status of ${what}`, expected: 'a failure', actual: 'OK' });
        }
        pending.complete(completion, layout);
      },
    };
  }

  /** False where the capacity is not known. */
  #isPastDisk(sector: bigint, sectors: number): boolean {
    const { capacity } = this.#options;
    return capacity !== undefined && sector + BigInt(sectors) > capacity;
  }

  /** False where the capacity is not known. */
  #isInDisk(sector: bigint, sectors: number): boolean {
    const { capacity } = this.#options;
    if (capacity === undefined || capacity > countableSectors) return false;
    return sector + BigInt(sectors) <= capacity;
  }

  #expectStatus(what: string, requirement: RequirementSlug, expected: number, written: Uint8Array): boolean {
    const status = written[written.length - 1] as number;
    if (status === expected) return true;
    this.#options.tell({
      requirement,
      what: `the status of ${what}`,
      expected: String(expected),
      actual: String(status),
    });
    return false;
  }
}

/** Larger ranges are not followed sector by sector. */
const mostClearedSectors = 4096;
