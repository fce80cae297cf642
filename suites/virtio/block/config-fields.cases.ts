import type { FeatureName } from '../../../reference-impl/catalogue/catalogue.ts';
import { defineCase } from '../../case.ts';
import { type ConfigField, configOf, fieldFrom } from '../device-parts.ts';
import { blockFields as fields } from './config-layout.ts';

/** What the fields that come with a feature may hold (virtio 5.2.4, 5.2.5). */

const applies = <const Feature extends FeatureName>(feature: Feature) =>
  ({
    start: 'negotiated',
    devices: ['block'],
    negotiate: [feature],
    needs: ['device.config'],
    ring: 'none',
  }) as const;

function rangeLimits(type: 'DISCARD' | 'WRITE_ZEROES' | 'SECURE_ERASE', limits: readonly ConfigField[], fault: string) {
  return defineCase({
    id: `virtio/block/${type.toLowerCase().replace('_', '-')}-limits-are-not-zero`,
    title: `where ${type} is offered, its limits of sectors and of segments are not 0`,
    proves: { 'blk/range-limits-not-zero': fault },
    applies: applies(`VIRTIO_BLK_F_${type}`),
    run({ session, requirement }) {
      const check = requirement('blk/range-limits-not-zero');
      for (const field of limits) check.atLeast(fieldFrom(session, check, field), 1, field.name);
      // Fields that come with a feature are there, to the last of them.
      if (type === 'SECURE_ERASE') fieldFrom(session, check, fields.secureEraseSectorAlignment);
    },
  });
}

export const discardLimits = rangeLimits(
  'DISCARD',
  [fields.maxDiscardSectors, fields.maxDiscardSeg],
  'block-discard-limits-zero',
);
export const writeZeroesLimits = rangeLimits(
  'WRITE_ZEROES',
  [fields.maxWriteZeroesSectors, fields.maxWriteZeroesSeg],
  'block-write-zeroes-limits-zero',
);
export const secureEraseLimits = rangeLimits(
  'SECURE_ERASE',
  [fields.maxSecureEraseSectors, fields.maxSecureEraseSeg],
  'block-secure-erase-limits-zero',
);

export const segMax = defineCase({
  id: 'virtio/block/seg-max-is-not-zero',
  title: 'where SEG_MAX is offered, a request may have a segment',
  proves: { 'blk/segment-limits-not-zero': 'block-seg-max-zero' },
  applies: applies('VIRTIO_BLK_F_SEG_MAX'),
  run({ session, requirement }) {
    const check = requirement('blk/segment-limits-not-zero');
    check.atLeast(fieldFrom(session, check, fields.segMax), 1, 'seg_max');
  },
});

export const sizeMax = defineCase({
  id: 'virtio/block/size-max-holds-a-sector',
  title: 'where SIZE_MAX is offered, a segment may have the bytes of a sector',
  proves: { 'blk/segment-limits-not-zero': 'block-size-max-zero' },
  applies: applies('VIRTIO_BLK_F_SIZE_MAX'),
  run({ session, requirement }) {
    const check = requirement('blk/segment-limits-not-zero');
    check.atLeast(fieldFrom(session, check, fields.sizeMax), 512, 'size_max');
  },
});

export const blkSize = defineCase({
  id: 'virtio/block/blk-size-is-a-power-of-two',
  title: 'where BLK_SIZE is offered, blk_size is a power of two and holds a sector',
  proves: { 'blk/block-size-power-of-two': ['block-size-zero', 'block-size-of-520-bytes'] },
  applies: applies('VIRTIO_BLK_F_BLK_SIZE'),
  run({ session, requirement }) {
    const check = requirement('blk/block-size-power-of-two');
    const size = fieldFrom(session, check, fields.blkSize);
    check.atLeast(size, 512, 'blk_size');
    check.equal(Number.isInteger(Math.log2(size)), true, `blk_size, ${size}, is a power of two`);
  },
});

export const topology = defineCase({
  id: 'virtio/block/topology-is-consistent',
  title: 'where TOPOLOGY is offered, a physical block fits 32 bits, and the first aligned block lies within it',
  proves: { 'blk/topology-consistent': ['block-physical-block-too-large', 'block-alignment-past-physical-block'] },
  applies: applies('VIRTIO_BLK_F_TOPOLOGY'),
  run({ session, requirement }) {
    const check = requirement('blk/topology-consistent');
    const exponent = fieldFrom(session, check, fields.physicalBlockExp);
    // The smallest logical block has 512 bytes.
    if (!check.atMost(exponent, 22, 'physical_block_exp')) return;
    check.atMost(fieldFrom(session, check, fields.alignmentOffset), 2 ** exponent - 1, 'alignment_offset');
    const least = fieldFrom(session, check, fields.minIoSize);
    const best = fieldFrom(session, check, fields.optIoSize);
    if (best !== 0) check.atLeast(best, least, `opt_io_size, with min_io_size ${least}`);
  },
});

export const numQueues = defineCase({
  id: 'virtio/block/num-queues-is-at-least-one',
  title: 'where MQ is offered, num_queues is at least 1',
  proves: { 'blk/num-queues-at-least-one': 'block-num-queues-zero' },
  applies: applies('VIRTIO_BLK_F_MQ'),
  run({ session, requirement }) {
    const check = requirement('blk/num-queues-at-least-one');
    check.atLeast(fieldFrom(session, check, fields.numQueues), 1, 'num_queues');
  },
});

export const writeback = defineCase({
  id: 'virtio/block/writeback-is-zero-or-one',
  title: 'with CONFIG_WCE and FLUSH accepted, writeback is 0 or 1',
  proves: { 'blk/writeback-zero-or-one': 'block-writeback-two' },
  applies: { ...applies('VIRTIO_BLK_F_CONFIG_WCE'), negotiate: ['VIRTIO_BLK_F_CONFIG_WCE', 'VIRTIO_BLK_F_FLUSH'] },
  run({ session, requirement }) {
    const check = requirement('blk/writeback-zero-or-one');
    check.oneOf(fieldFrom(session, check, fields.writeback), [0, 1], 'writeback');
  },
});

export const writebackBeforeStart = defineCase({
  id: 'virtio/block/writeback-set-before-driver-ok-stays',
  title: 'writeback that is written before DRIVER_OK and before any ring starts is the same behind the first request',
  proves: { 'blk/writeback-set-before-driver-ok-stays': 'block-writeback-lost-at-start' },
  applies: {
    start: 'negotiated',
    devices: ['block'],
    negotiate: ['VIRTIO_BLK_F_CONFIG_WCE', 'VIRTIO_BLK_F_FLUSH'],
    needs: ['device.config'],
  },
  run({ session, driver, ring, requirement }) {
    const check = requirement('blk/writeback-set-before-driver-ok-stays');
    const shown = (): number => fieldFrom(session, check, fields.writeback);
    const write = (value: number) => configOf(session).write(fields.writeback.at, Uint8Array.of(value));
    const before = shown();
    const set = 1 - before;
    check.granted(write(set), `a write of ${set} to writeback`);
    check.presumes(shown() === set, `writeback shows the ${set} that was written`);
    driver.warmUp(driver.attach(ring({ size: 16 })));
    check.equal(shown(), set, 'writeback behind the first request');
    // A device keeps it for the cases behind this one.
    write(before);
  },
});

export const mayUnmap = defineCase({
  id: 'virtio/block/write-zeroes-may-unmap-is-zero-or-one',
  title: 'where WRITE_ZEROES is offered, write_zeroes_may_unmap is 0 or 1',
  proves: { 'blk/write-zeroes-may-unmap-zero-or-one': 'block-may-unmap-two' },
  applies: applies('VIRTIO_BLK_F_WRITE_ZEROES'),
  run({ session, requirement }) {
    const check = requirement('blk/write-zeroes-may-unmap-zero-or-one');
    check.oneOf(fieldFrom(session, check, fields.writeZeroesMayUnmap), [0, 1], 'write_zeroes_may_unmap');
  },
});
