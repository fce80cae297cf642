import { VIRTIO_BLK_S_OK, VIRTIO_BLK_S_UNSUPP } from '../../../drivers/devices/block-requests.ts';
import { pattern } from '../../../drivers/devices/request.ts';
import type { FaultName } from '../../../reference-impl/faults/faults.ts';
import { defineCase } from '../../case.ts';
import { fieldFrom } from '../device-parts.ts';
import { runningQueue } from '../running-queue.ts';
import { blockFields } from './config-layout.ts';
import {
  completed,
  range,
  rangeRequests,
  statusOf,
  UNMAP,
  VIRTIO_BLK_T_DISCARD,
  VIRTIO_BLK_T_WRITE_ZEROES,
} from './range-requests.ts';

/** Requests with a range in place of data, and those of zoned disks (virtio 5.2.6.2). */

const sectorSize = 512;

export const unknownFlags = defineCase({
  id: 'virtio/block/unknown-range-flags-are-unsupported',
  title: 'WRITE_ZEROES and DISCARD with a flag that is not defined complete with UNSUPP',
  proves: { 'blk/unknown-range-flags-unsupported': 'block-range-flags-ignored' },
  applies: {
    start: 'closed',
    devices: ['block'],
    negotiate: ['VIRTIO_BLK_F_WRITE_ZEROES', 'VIRTIO_BLK_F_DISCARD'],
  },
  run(context) {
    const check = context.requirement('blk/unknown-range-flags-unsupported');
    const all = [VIRTIO_BLK_T_WRITE_ZEROES, VIRTIO_BLK_T_DISCARD].flatMap((type) =>
      [2, 0x8000_0000, 0xffff_fffe].map((flags) => ({ key: `type=${type},flags=${flags}`, type, flags })),
    );
    context.points(all, ({ key, type, flags }) => {
      const { session, driver, queue } = runningQueue(context);
      const status = statusOf(queue, driver.block, type, range(16, 1, flags));
      check.equal(status, VIRTIO_BLK_S_UNSUPP, `status of ${key}`);
      session.close();
    });
  },
});

export const unknownFlagsBehind = defineCase({
  id: 'virtio/block/unknown-flags-of-a-second-range-are-unsupported',
  title: 'WRITE_ZEROES and DISCARD whose second segment has a flag that is not defined complete with UNSUPP',
  proves: { 'blk/unknown-range-flags-unsupported': 'block-range-flags-of-first-alone' },
  applies: {
    start: 'negotiated',
    devices: ['block'],
    negotiate: ['VIRTIO_BLK_F_WRITE_ZEROES', 'VIRTIO_BLK_F_DISCARD'],
    needs: ['device.config'],
  },
  run({ session, driver, ring, requirement }) {
    const check = requirement('blk/unknown-range-flags-unsupported');
    const limits = [blockFields.maxWriteZeroesSeg, blockFields.maxDiscardSeg];
    const mayBeTwo = limits.every((field) => fieldFrom(session, check, field) >= 2);
    check.presumes(mayBeTwo, 'both requests may have two segments');
    const queue = driver.attach(ring({ size: 16 }));
    for (const type of [VIRTIO_BLK_T_WRITE_ZEROES, VIRTIO_BLK_T_DISCARD]) {
      const segments = Uint8Array.of(...range(16, 1), ...range(24, 1, 2));
      const status = statusOf(queue, driver.block, type, segments);
      check.equal(status, VIRTIO_BLK_S_UNSUPP, `status of type ${type} with flag 2 in its second segment`);
    }
  },
});

/** A request that leaves undefined what its sectors read as, and nothing else undefined. */
function emptied<
  const Slug extends 'blk/discard-succeeds' | 'blk/secure-erase-succeeds',
  const Fault extends FaultName,
>(type: 'DISCARD' | 'SECURE_ERASE', slug: Slug, fault: Fault) {
  return defineCase({
    id: `virtio/block/${type === 'DISCARD' ? 'discard' : 'secure-erase'}-succeeds`,
    title: `a ${type} of a sector that was written completes with OK, and the sector can be written and read again`,
    proves: { [slug]: fault },
    applies: { start: 'negotiated', devices: ['block'], negotiate: [`VIRTIO_BLK_F_${type}`] },
    run({ driver, ring, requirement }) {
      const check = requirement(slug);
      const { block } = driver;
      const queue = driver.attach(ring({ size: 16 }));
      const sector = 16;
      const written = (seed: number) => completed(queue, block.write(pattern(sectorSize, seed), { sector })).status();
      check.equal(written(1), VIRTIO_BLK_S_OK, 'status of the write before');
      const status = statusOf(queue, block, rangeRequests[type], range(sector, 1));
      check.equal(status, VIRTIO_BLK_S_OK, `status of the ${type}`);
      check.equal(written(2), VIRTIO_BLK_S_OK, 'status of a write behind it');
      const read = completed(queue, block.read({ sector, expected: pattern(sectorSize, 2) }));
      check.equal(read.problem(), undefined, 'what is wrong with what was written behind it');
    },
  });
}

export const discarded = emptied('DISCARD', 'blk/discard-succeeds', 'block-discard-unsupported');
export const securelyErased = emptied('SECURE_ERASE', 'blk/secure-erase-succeeds', 'block-secure-erase-unsupported');

export const discardUnmap = defineCase({
  id: 'virtio/block/discard-with-unmap-is-unsupported',
  title: 'DISCARD with the unmap flag completes with UNSUPP',
  proves: { 'blk/discard-unmap-unsupported': 'block-discard-with-unmap-done' },
  applies: { start: 'negotiated', devices: ['block'], negotiate: ['VIRTIO_BLK_F_DISCARD'] },
  run({ driver, ring, requirement }) {
    const queue = driver.attach(ring({ size: 16 }));
    const status = statusOf(queue, driver.block, VIRTIO_BLK_T_DISCARD, range(16, 1, UNMAP));
    requirement('blk/discard-unmap-unsupported').equal(status, VIRTIO_BLK_S_UNSUPP, 'status');
  },
});

export const writeZeroes = defineCase({
  id: 'virtio/block/zeroed-ranges-read-zero',
  title: 'sectors that WRITE_ZEROES names read as zeros, and those beside them as they were',
  proves: { 'blk/zeroed-ranges-read-zero': 'block-zeroed-range-reads-as-ones' },
  applies: { start: 'negotiated', devices: ['block'], negotiate: ['VIRTIO_BLK_F_WRITE_ZEROES'] },
  variants: { unmap: [false, true] },
  run({ driver, ring, variant, requirement }) {
    const { block } = driver;
    const queue = driver.attach(ring({ size: 16 }));
    const check = requirement('blk/zeroed-ranges-read-zero');
    for (const sectors of [1, 3, 8]) {
      const data = pattern(16 * sectorSize, sectors);
      queue.makeAvailable([block.write(data, { sector: 32 }).segments]);
      queue.kickAndWaitForUsed(1);
      const status = statusOf(queue, block, VIRTIO_BLK_T_WRITE_ZEROES, range(36, sectors, variant.unmap ? UNMAP : 0));
      check.equal(status, VIRTIO_BLK_S_OK, `status of ${sectors} sectors`);
      const read = block.read({ sector: 32, bytes: data.length });
      queue.makeAvailable([read.segments]);
      queue.kickAndWaitForUsed(1);
      data.fill(0, 4 * sectorSize, (4 + sectors) * sectorSize);
      check.bytesEqual(read.data(), data, `16 sectors, of which ${sectors} were zeroed`);
    }
  },
});

export const zoneRequests = defineCase({
  id: 'virtio/block/zone-requests-are-unsupported-without-zoned',
  title: 'requests for zones complete with UNSUPP where ZONED was not negotiated',
  proves: { 'blk/zone-commands-unsupported-without-zoned': 'block-zone-request-fails' },
  applies: { start: 'closed', devices: ['block'], without: ['VIRTIO_BLK_F_ZONED'] },
  run(context) {
    const check = context.requirement('blk/zone-commands-unsupported-without-zoned');
    const zoneRequestTypes = {
      VIRTIO_BLK_T_ZONE_APPEND: 15,
      VIRTIO_BLK_T_ZONE_REPORT: 16,
      VIRTIO_BLK_T_ZONE_OPEN: 18,
      VIRTIO_BLK_T_ZONE_CLOSE: 20,
      VIRTIO_BLK_T_ZONE_FINISH: 22,
      VIRTIO_BLK_T_ZONE_RESET: 24,
      VIRTIO_BLK_T_ZONE_RESET_ALL: 26,
    };
    const all = Object.entries(zoneRequestTypes).map(([key, type]) => ({ key, type }));
    context.points(all, ({ key, type }) => {
      const { session, driver, queue } = runningQueue(context);
      const request = driver.block.raw({ type, sector: 0, writableBytes: 64 });
      queue.makeAvailable([request.segments]);
      queue.kickAndWaitForUsed(1);
      check.equal(request.status(), VIRTIO_BLK_S_UNSUPP, `status of ${key}`);
      session.close();
    });
  },
});
