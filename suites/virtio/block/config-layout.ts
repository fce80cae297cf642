import type { ConfigField } from '../device-parts.ts';

/** Fields of struct virtio_blk_config (virtio 5.2.4). */
export const blockFields = {
  sizeMax: { name: 'size_max', at: 8, bytes: 4 },
  segMax: { name: 'seg_max', at: 12, bytes: 4 },
  blkSize: { name: 'blk_size', at: 20, bytes: 4 },
  physicalBlockExp: { name: 'physical_block_exp', at: 24, bytes: 1 },
  alignmentOffset: { name: 'alignment_offset', at: 25, bytes: 1 },
  minIoSize: { name: 'min_io_size', at: 26, bytes: 2 },
  optIoSize: { name: 'opt_io_size', at: 28, bytes: 4 },
  writeback: { name: 'writeback', at: 32, bytes: 1 },
  numQueues: { name: 'num_queues', at: 34, bytes: 2 },
  maxDiscardSectors: { name: 'max_discard_sectors', at: 36, bytes: 4 },
  maxDiscardSeg: { name: 'max_discard_seg', at: 40, bytes: 4 },
  maxWriteZeroesSectors: { name: 'max_write_zeroes_sectors', at: 48, bytes: 4 },
  maxWriteZeroesSeg: { name: 'max_write_zeroes_seg', at: 52, bytes: 4 },
  writeZeroesMayUnmap: { name: 'write_zeroes_may_unmap', at: 56, bytes: 1 },
  maxSecureEraseSectors: { name: 'max_secure_erase_sectors', at: 60, bytes: 4 },
  maxSecureEraseSeg: { name: 'max_secure_erase_seg', at: 64, bytes: 4 },
  secureEraseSectorAlignment: { name: 'secure_erase_sector_alignment', at: 68, bytes: 4 },
} as const satisfies Record<string, ConfigField>;
