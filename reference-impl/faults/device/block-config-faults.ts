import { blockConfig } from '../../devices/block-layout.ts';
import type { DeviceFault } from '../fault.ts';
import { deviceFault, inBlock } from './device-fault.ts';

type Field = keyof typeof blockConfig;

/** Bytes of a field with this value in place of its own. */
const holding = (field: Field, ...bytes: readonly number[]) =>
  inBlock({
    config: (stored) => {
      const config = stored.slice();
      config.set(bytes, blockConfig[field]);
      return config;
    },
  });

/** What configuration space holds. */
export const blockConfigFaults = {
  'block-discard-limits-zero': deviceFault(
    'blk/range-limits-not-zero',
    'max_discard_sectors is 0',
    holding('maxDiscardSectors', 0, 0, 0, 0),
  ),
  'block-write-zeroes-limits-zero': deviceFault(
    'blk/range-limits-not-zero',
    'max_write_zeroes_seg is 0',
    holding('maxWriteZeroesSeg', 0, 0, 0, 0),
  ),
  'block-secure-erase-limits-zero': deviceFault(
    'blk/range-limits-not-zero',
    'max_secure_erase_sectors and max_secure_erase_seg are 0',
    holding('maxSecureEraseSectors', 0, 0, 0, 0, 0, 0, 0, 0),
  ),
  'block-seg-max-zero': deviceFault('blk/segment-limits-not-zero', 'seg_max is 0', holding('segMax', 0, 0, 0, 0)),
  'block-size-max-zero': deviceFault('blk/segment-limits-not-zero', 'size_max is 0', holding('sizeMax', 0, 0, 0, 0)),
  'block-size-zero': deviceFault('blk/block-size-power-of-two', 'blk_size is 0', holding('blkSize', 0, 0, 0, 0)),
  'block-size-of-520-bytes': deviceFault(
    'blk/block-size-power-of-two',
    'blk_size is 520',
    holding('blkSize', 0x08, 0x02, 0, 0),
  ),
  'block-physical-block-too-large': deviceFault(
    'blk/topology-consistent',
    'physical_block_exp is 64',
    holding('physicalBlockExp', 64),
  ),
  'block-alignment-past-physical-block': deviceFault(
    'blk/topology-consistent',
    'alignment_offset is 8 with physical blocks of 8 logical ones',
    holding('physicalBlockExp', 3, 8),
  ),
  'block-num-queues-zero': deviceFault('blk/num-queues-at-least-one', 'num_queues is 0', holding('numQueues', 0, 0)),
  'block-writeback-two': deviceFault('blk/writeback-zero-or-one', 'writeback is 2', holding('writeback', 2)),
  'block-writeback-lost-at-start': deviceFault(
    'blk/writeback-set-before-driver-ok-stays',
    'the start of a queue sets writeback to 1, over what the driver wrote',
    inBlock({ writebackAtStart: () => 1 }),
  ),
  'block-may-unmap-two': deviceFault(
    'blk/write-zeroes-may-unmap-zero-or-one',
    'write_zeroes_may_unmap is 2',
    holding('writeZeroesMayUnmap', 2),
  ),
} as const satisfies Record<string, DeviceFault>;
