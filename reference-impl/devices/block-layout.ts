import { featureMask } from '../catalogue/feature-set.ts';
import { compileLayout } from '../wire/compile-layout.ts';
import { padding, u8, u16, u32, u64 } from '../wire/layout.ts';

/** Requests and configuration of the block device (virtio 5.2). All fields are little-endian, but for legacy drivers of the other order. */

export const VIRTIO_ID_BLOCK = 2;
export const SECTOR_SIZE = 512;

export const VIRTIO_BLK_F_SIZE_MAX = featureMask('VIRTIO_BLK_F_SIZE_MAX');
export const VIRTIO_BLK_F_SEG_MAX = featureMask('VIRTIO_BLK_F_SEG_MAX');
export const VIRTIO_BLK_F_GEOMETRY = featureMask('VIRTIO_BLK_F_GEOMETRY');
export const VIRTIO_BLK_F_RO = featureMask('VIRTIO_BLK_F_RO');
export const VIRTIO_BLK_F_BLK_SIZE = featureMask('VIRTIO_BLK_F_BLK_SIZE');
export const VIRTIO_BLK_F_FLUSH = featureMask('VIRTIO_BLK_F_FLUSH');
export const VIRTIO_BLK_F_TOPOLOGY = featureMask('VIRTIO_BLK_F_TOPOLOGY');
export const VIRTIO_BLK_F_CONFIG_WCE = featureMask('VIRTIO_BLK_F_CONFIG_WCE');
export const VIRTIO_BLK_F_MQ = featureMask('VIRTIO_BLK_F_MQ');
export const VIRTIO_BLK_F_DISCARD = featureMask('VIRTIO_BLK_F_DISCARD');
export const VIRTIO_BLK_F_WRITE_ZEROES = featureMask('VIRTIO_BLK_F_WRITE_ZEROES');
export const VIRTIO_BLK_F_SECURE_ERASE = featureMask('VIRTIO_BLK_F_SECURE_ERASE');
export const VIRTIO_BLK_F_ZONED = featureMask('VIRTIO_BLK_F_ZONED');

export const VIRTIO_BLK_T_IN = 0;
export const VIRTIO_BLK_T_OUT = 1;
export const VIRTIO_BLK_T_FLUSH = 4;
export const VIRTIO_BLK_T_GET_ID = 8;
export const VIRTIO_BLK_T_DISCARD = 11;
export const VIRTIO_BLK_T_WRITE_ZEROES = 13;
export const VIRTIO_BLK_T_SECURE_ERASE = 14;

export const VIRTIO_BLK_S_OK = 0;
export const VIRTIO_BLK_S_IOERR = 1;
export const VIRTIO_BLK_S_UNSUPP = 2;

/** struct virtio_blk_req: type u32, reserved u32, sector u64; data; status u8. */
export const BLOCK_HEADER_SIZE = 16;
export const BLOCK_ID_SIZE = 20;
/** struct virtio_blk_discard_write_zeroes: sector u64, num_sectors u32, flags u32 (bit 0: unmap). */
export const RANGE_SIZE = 16;

export interface BlockHeader {
  readonly type: number;
  readonly sector: bigint;
}

export function encodeBlockHeader({ type, sector }: BlockHeader, isBigEndian = false): Uint8Array {
  const bytes = new Uint8Array(BLOCK_HEADER_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, type, !isBigEndian);
  view.setBigUint64(8, sector, !isBigEndian);
  return bytes;
}

/** A segment of DISCARD, WRITE_ZEROES and SECURE_ERASE. */
export interface BlockRange {
  readonly sector: bigint;
  readonly sectors: number;
  readonly flags: number;
}

/** As many whole segments as the bytes hold. */
export function decodeRanges(bytes: Uint8Array, isBigEndian = false): BlockRange[] {
  const isLittle = !isBigEndian;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const ranges: BlockRange[] = [];
  for (let at = 0; at + RANGE_SIZE <= bytes.length; at += RANGE_SIZE) {
    const sector = view.getBigUint64(at, isLittle);
    ranges.push({ sector, sectors: view.getUint32(at + 8, isLittle), flags: view.getUint32(at + 12, isLittle) });
  }
  return ranges;
}

/** Of at least 16 bytes. */
export function decodeBlockHeader(bytes: Uint8Array, isBigEndian = false): BlockHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { type: view.getUint32(0, !isBigEndian), sector: view.getBigUint64(8, !isBigEndian) };
}

/** The 20 bytes of GET_ID. Behind the end of the string there is no code, which counts as 0. */
export const encodeBlockId = (serial: string): Uint8Array =>
  Uint8Array.from({ length: BLOCK_ID_SIZE }, (_, n) => serial.charCodeAt(n) & 0x7f);

/** Offsets in struct virtio_blk_config, as far as the RAM disk has it: up to what ZONED adds. */
export const blockConfig = {
  capacity: 0,
  sizeMax: 8,
  segMax: 12,
  blkSize: 20,
  physicalBlockExp: 24,
  alignmentOffset: 25,
  minIoSize: 26,
  optIoSize: 28,
  writeback: 32,
  numQueues: 34,
  maxDiscardSectors: 36,
  maxDiscardSeg: 40,
  discardSectorAlignment: 44,
  maxWriteZeroesSectors: 48,
  maxWriteZeroesSeg: 52,
  writeZeroesMayUnmap: 56,
  maxSecureEraseSectors: 60,
  maxSecureEraseSeg: 64,
  secureEraseSectorAlignment: 68,
} as const;

/** The same as a structure. */
export const blockConfigLayout = compileLayout('virtio_blk_config', [
  u64('capacity'),
  u32('sizeMax'),
  u32('segMax'),
  padding(4, 'geometry'),
  u32('blkSize'),
  u8('physicalBlockExp'),
  u8('alignmentOffset'),
  u16('minIoSize'),
  u32('optIoSize'),
  u8('writeback'),
  padding(1),
  u16('numQueues'),
  u32('maxDiscardSectors'),
  u32('maxDiscardSeg'),
  u32('discardSectorAlignment'),
  u32('maxWriteZeroesSectors'),
  u32('maxWriteZeroesSeg'),
  u8('writeZeroesMayUnmap'),
  padding(3),
  u32('maxSecureEraseSectors'),
  u32('maxSecureEraseSeg'),
  u32('secureEraseSectorAlignment'),
]);
