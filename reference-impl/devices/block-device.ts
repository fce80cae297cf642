import { gather, writePieces } from '../memory/pieces.ts';
import type { Chain } from '../virtqueue/chain.ts';
import { encodeStructure } from '../wire/structure.ts';
import {
  BLOCK_HEADER_SIZE,
  type BlockHeader,
  blockConfig,
  blockConfigLayout,
  SECTOR_SIZE,
  VIRTIO_BLK_F_BLK_SIZE,
  VIRTIO_BLK_F_CONFIG_WCE,
  VIRTIO_BLK_F_DISCARD,
  VIRTIO_BLK_F_FLUSH,
  VIRTIO_BLK_F_MQ,
  VIRTIO_BLK_F_SECURE_ERASE,
  VIRTIO_BLK_F_SEG_MAX,
  VIRTIO_BLK_F_SIZE_MAX,
  VIRTIO_BLK_F_TOPOLOGY,
  VIRTIO_BLK_F_WRITE_ZEROES,
  VIRTIO_BLK_T_DISCARD,
  VIRTIO_BLK_T_FLUSH,
  VIRTIO_BLK_T_GET_ID,
  VIRTIO_BLK_T_IN,
  VIRTIO_BLK_T_OUT,
  VIRTIO_BLK_T_SECURE_ERASE,
  VIRTIO_BLK_T_WRITE_ZEROES,
  VIRTIO_ID_BLOCK,
} from './block-layout.ts';
import { type BlockOutcome, type BlockRules, blockRules } from './block-rules.ts';
import type { QueueFailure, QueueStart, StepOutcome } from './parent-driver.ts';
import { type Queue, QueuedDevice, type TransportRules, transportRules } from './queued-device.ts';
import type { RegisteredDevice } from './registered-device.ts';

export interface BlockOptions {
  /** 2048 sectors (1 MiB) unless told. */
  readonly sectors?: number;
  readonly queues?: number;
  readonly serial?: string;
  readonly rules?: BlockRules;
  readonly transport?: TransportRules;
}

const FEATURES =
  VIRTIO_BLK_F_SIZE_MAX |
  VIRTIO_BLK_F_SEG_MAX |
  VIRTIO_BLK_F_BLK_SIZE |
  VIRTIO_BLK_F_FLUSH |
  VIRTIO_BLK_F_TOPOLOGY |
  VIRTIO_BLK_F_CONFIG_WCE |
  VIRTIO_BLK_F_MQ |
  VIRTIO_BLK_F_DISCARD |
  VIRTIO_BLK_F_WRITE_ZEROES |
  VIRTIO_BLK_F_SECURE_ERASE;

interface BlockAnswer {
  readonly outcome: BlockOutcome;
  readonly data: Uint8Array;
}

const NO_DATA = new Uint8Array();
const withoutData = (outcome: BlockOutcome): BlockAnswer => ({ outcome, data: NO_DATA });
const failed = withoutData('failed');
const unsupported = withoutData('unsupported');

const SEG_MAX = 126;
/** Segments of one request with ranges. */
const RANGES_MAX = 8;
const UNMAP = 1;

const configOf = (sectors: number, queues: number): Uint8Array =>
  encodeStructure(blockConfigLayout, {
    capacity: BigInt(sectors),
    sizeMax: 0x10_0000,
    segMax: SEG_MAX,
    blkSize: SECTOR_SIZE,
    physicalBlockExp: 0,
    alignmentOffset: 0,
    minIoSize: 1,
    optIoSize: 0,
    writeback: 1,
    numQueues: queues,
    maxDiscardSectors: sectors,
    maxDiscardSeg: RANGES_MAX,
    discardSectorAlignment: 1,
    maxWriteZeroesSectors: sectors,
    maxWriteZeroesSeg: RANGES_MAX,
    writeZeroesMayUnmap: 0,
    maxSecureEraseSectors: sectors,
    maxSecureEraseSeg: RANGES_MAX,
    secureEraseSectorAlignment: 1,
  });

/** A RAM disk (virtio 5.2). */
export class BlockDevice extends QueuedDevice {
  readonly deviceId = VIRTIO_ID_BLOCK;
  /** The contents. */
  readonly disk: Uint8Array;
  readonly #capacity: bigint;
  readonly #serial: string;
  readonly #rules: BlockRules;

  constructor(options: BlockOptions = {}) {
    const {
      sectors = 2048,
      queues = 1,
      rules = blockRules,
      serial = 'vhost-conformance',
      transport = transportRules,
    } = options;
    super(queues, rules.offered(FEATURES), transport, { asMade: configOf(sectors, queues), shown: rules.config });
    this.disk = new Uint8Array(sectors * SECTOR_SIZE);
    this.#capacity = BigInt(sectors);
    this.#serial = serial;
    this.#rules = rules;
  }

  /** What a driver wrote to `writeback` stays where it accepts the same once more. */
  override setFeatures(features: bigint): void {
    const changed = this.features ^ features;
    super.setFeatures(features);
    if ((changed & (VIRTIO_BLK_F_CONFIG_WCE | VIRTIO_BLK_F_FLUSH)) === 0n) return;
    this.config[blockConfig.writeback] = this.#rules.writeback(features);
  }

  override startQueue(index: number, start: QueueStart): QueueFailure | undefined {
    this.config[blockConfig.writeback] = this.#rules.writebackAtStart(this.config[blockConfig.writeback] ?? 0);
    return super.startQueue(index, start);
  }

  /** Only `writeback` can be written, and only with CONFIG_WCE (virtio 5.2.5). */
  writeConfig(offset: number, bytes: Uint8Array): boolean {
    if (bytes.length !== 1 || offset !== blockConfig.writeback || !this.has(VIRTIO_BLK_F_CONFIG_WCE)) return false;
    this.config[offset] = bytes[0] === 0 ? 0 : 1;
    return true;
  }

  protected work(queue: Queue): StepOutcome {
    const ring = this.ringToProcess(queue, queue.isAwake);
    if (ring === undefined) return 'idle';
    const chain = this.takeRequest(queue, ring);
    if (chain === undefined) return 'idle';
    if (chain === 'broken') return 'progressed';
    this.#rules.inOrder(
      chain,
      () => this.#carryOut(chain, queue.isBigEndian),
      () => this.complete(queue, ring, chain, this.#rules.written(chain)),
    );
    return 'progressed';
  }

  /** A chain may offer far more bytes than there is memory (the same again and again): nothing is made in its size. */
  #carryOut(chain: Chain, isBigEndian: boolean | undefined): void {
    const rules = this.#rules;
    const header = rules.headerBytes(chain.readable);
    const isWhole = header.length >= BLOCK_HEADER_SIZE;
    const answer = isWhole ? this.#request(rules.decodeHeader(header, isBigEndian), chain, isBigEndian) : failed;
    // The data of the answer is what lies before the status, wherever a descriptor ends.
    const written = writePieces(chain.writable, 0, answer.data);
    rules.fillRest(chain.writable, written);
    writePieces(chain.writable, rules.statusOffset(chain), Uint8Array.of(rules.status(answer.outcome)));
  }

  #request(header: BlockHeader, chain: Chain, isBigEndian: boolean | undefined): BlockAnswer {
    if (!this.#rules.supports(header.type)) return unsupported;
    switch (header.type) {
      case VIRTIO_BLK_T_IN:
        return this.#read(header.sector, chain.writableLength - 1);
      case VIRTIO_BLK_T_OUT:
        return withoutData(this.#write(header.sector, chain));
      case VIRTIO_BLK_T_GET_ID:
        return { outcome: 'done', data: this.#rules.identity(this.#serial) };
      case VIRTIO_BLK_T_DISCARD:
        return this.has(VIRTIO_BLK_F_DISCARD) ? withoutData(this.#zero(chain, 0, isBigEndian)) : unsupported;
      case VIRTIO_BLK_T_WRITE_ZEROES:
        return this.has(VIRTIO_BLK_F_WRITE_ZEROES) ? withoutData(this.#zero(chain, UNMAP, isBigEndian)) : unsupported;
      case VIRTIO_BLK_T_SECURE_ERASE:
        return this.has(VIRTIO_BLK_F_SECURE_ERASE) ? withoutData(this.#zero(chain, 0, isBigEndian)) : unsupported;
      case VIRTIO_BLK_T_FLUSH:
        return withoutData(this.#rules.flushed);
    }
    return withoutData(this.#rules.unknown(header.type));
  }

  #fits(sector: bigint, bytes: number): boolean {
    return this.#rules.acceptsDataLength(bytes) && this.#rules.isInRange(sector, bytes, this.#capacity);
  }

  #read(sector: bigint, bytes: number): BlockAnswer {
    if (!this.#fits(sector, bytes)) return failed;
    const from = this.#rules.byteOf(sector);
    return { outcome: 'done', data: this.#rules.read(this.disk.slice(from, from + bytes)) };
  }

  #write(sector: bigint, chain: Chain): BlockOutcome {
    const start = this.#rules.dataOffset(chain.readable);
    const bytes = Math.max(0, chain.readableLength - start);
    if (!this.#fits(sector, bytes)) return 'failed';
    const target = this.disk.subarray(this.#rules.byteOf(sector));
    // It ends with the disk even where a fault lets it in.
    const data = this.#rules.write(gather(chain.readable, start, target.length));
    target.set(data.subarray(0, target.length));
    return 'done';
  }

  /** Discard, write zeroes and secure erase: each sector of each segment reads as zero afterwards (virtio 5.2.6.2). */
  #zero(chain: Chain, allowedFlags: number, isBigEndian: boolean | undefined): BlockOutcome {
    const rules = this.#rules;
    const ranges = rules.ranges(chain.readable, isBigEndian);
    if (ranges.some(({ flags }) => !rules.acceptsRangeFlags(flags, allowedFlags))) return 'unsupported';
    if (ranges.some((range) => !rules.isRangeInDisk(range, this.#capacity))) return 'failed';
    for (const range of ranges) {
      const { sector, sectors } = rules.cleared(range);
      const from = rules.byteOf(sector);
      this.disk.fill(rules.zeroed(), from, from + sectors * SECTOR_SIZE);
    }
    return 'done';
  }
}

export const blockReference: RegisteredDevice<BlockRules> = {
  rules: blockRules,
  queues: 2,
  make: (making) => new BlockDevice(making),
};
