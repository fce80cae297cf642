import { fillPieces, gather, type Piece } from '../memory/pieces.ts';
import type { Chain } from '../virtqueue/chain.ts';
import {
  BLOCK_HEADER_SIZE,
  type BlockHeader,
  type BlockRange,
  decodeBlockHeader,
  decodeRanges,
  encodeBlockId,
  SECTOR_SIZE,
  VIRTIO_BLK_F_CONFIG_WCE,
  VIRTIO_BLK_F_FLUSH,
  VIRTIO_BLK_S_IOERR,
  VIRTIO_BLK_S_OK,
  VIRTIO_BLK_S_UNSUPP,
} from './block-layout.ts';

export type BlockOutcome = 'done' | 'failed' | 'unsupported';

/** What the block device does with a request by choice; a fault replaces one entry. */
export interface BlockRules {
  /** What the device offers of the features of its type. */
  readonly offered: (features: bigint) => bigint;
  /** Configuration space as drivers read it, of what is stored. */
  readonly config: (bytes: Uint8Array) => Uint8Array;
  /** The bytes that hold the header: the first 16 of the readable part, however descriptors divide it. */
  readonly headerBytes: (readable: readonly Piece[]) => Uint8Array;
  readonly decodeHeader: (bytes: Uint8Array, isBigEndian?: boolean) => BlockHeader;
  /** Where the data of a write begins in the readable part. */
  readonly dataOffset: (readable: readonly Piece[]) => number;
  /** Where in the writable part the status lies. */
  readonly statusOffset: (chain: Chain) => number;
  readonly status: (outcome: BlockOutcome) => number;
  readonly acceptsDataLength: (bytes: number) => boolean;
  readonly isInRange: (sector: bigint, bytes: number, capacity: bigint) => boolean;
  /** The byte of the disk that a sector begins at. */
  readonly byteOf: (sector: bigint) => number;
  /** What a read hands out of the disk's bytes. */
  readonly read: (stored: Uint8Array) => Uint8Array;
  /** What a write stores of the driver's bytes; fewer bytes leave the rest as it was. */
  readonly write: (data: Uint8Array) => Uint8Array;
  /** What becomes of a flush. */
  readonly flushed: BlockOutcome;
  readonly supports: (type: number) => boolean;
  /** What becomes of a request of a type that this device does not know. */
  readonly unknown: (type: number) => BlockOutcome;
  /** The segments in the readable part of a request that has ranges in place of data; a part of one is passed over. */
  readonly ranges: (readable: readonly Piece[], isBigEndian?: boolean) => readonly BlockRange[];
  readonly isRangeInDisk: (range: BlockRange, capacity: bigint) => boolean;
  /** The sectors that a segment clears. */
  readonly cleared: (range: BlockRange) => { readonly sector: bigint; readonly sectors: number };
  /** Flags of a range in DISCARD and WRITE_ZEROES, given those that are defined for the request. */
  readonly acceptsRangeFlags: (flags: number, defined: number) => boolean;
  /** What each byte of a range reads as once it was zeroed. */
  readonly zeroed: () => number;
  /** `writeback` of config space when features are accepted: drivers flush a disk that has a cache. */
  readonly writeback: (features: bigint) => number;
  /** `writeback` once a queue starts, given what it was. */
  readonly writebackAtStart: (before: number) => number;
  /** The 20 bytes of GET_ID. */
  readonly identity: (serial: string) => Uint8Array;
  /** Carries a request out, data and status, and tells its chain as used, which must come behind. */
  readonly inOrder: (chain: Chain, carryOut: () => void, tell: () => void) => void;
  /** Fills the writable bytes from `written` on, which a request has no data for. */
  readonly fillRest: (writable: readonly Piece[], written: number) => void;
  /** Bytes told as written; all of the writable part are. */
  readonly written: (chain: Chain) => number;
}

const statuses: Readonly<Record<BlockOutcome, number>> = {
  done: VIRTIO_BLK_S_OK,
  failed: VIRTIO_BLK_S_IOERR,
  unsupported: VIRTIO_BLK_S_UNSUPP,
};

export const blockRules: BlockRules = {
  offered: (features) => features,
  config: (bytes) => bytes,
  headerBytes: (readable) => gather(readable, 0, BLOCK_HEADER_SIZE),
  decodeHeader: decodeBlockHeader,
  dataOffset: () => BLOCK_HEADER_SIZE,
  statusOffset: (chain) => chain.writableLength - 1,
  status: (outcome) => statuses[outcome],
  acceptsDataLength: (bytes) => bytes % SECTOR_SIZE === 0,
  isInRange: (sector, bytes, capacity) => sector + BigInt(Math.ceil(bytes / SECTOR_SIZE)) <= capacity,
  byteOf: (sector) => Number(sector) * SECTOR_SIZE,
  read: (stored) => stored,
  write: (data) => data,
  flushed: 'done',
  supports: () => true,
  unknown: () => 'unsupported',
  ranges: (readable, isBigEndian) => decodeRanges(gather(readable, BLOCK_HEADER_SIZE), isBigEndian),
  isRangeInDisk: ({ sector, sectors }, capacity) => sector + BigInt(sectors) <= capacity,
  cleared: (range) => range,
  acceptsRangeFlags: (flags, defined) => (flags & ~defined) === 0,
  zeroed: () => 0,
  writeback: (features) =>
    (features & (VIRTIO_BLK_F_CONFIG_WCE | VIRTIO_BLK_F_FLUSH)) === VIRTIO_BLK_F_CONFIG_WCE ? 0 : 1,
  writebackAtStart: (before) => before,
  identity: encodeBlockId,
  inOrder: (_, carryOut, tell) => {
    carryOut();
    tell();
  },
  fillRest: (writable, written) => fillPieces(writable, written, 0),
  written: (chain) => chain.writableLength,
};
