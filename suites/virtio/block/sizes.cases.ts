import { pattern } from '../../../drivers/devices/request.ts';
import { defineCase } from '../../case.ts';
import { isLengthOf } from '../used-length.ts';

/** Reads and writes whose sizes need more than 16 bits (virtio 2.7.8, 2.8.6). */

const page = 4096;

export const usedLen = defineCase({
  id: 'virtio/block/used-len-has-32-bits',
  title:
    'the used len of reads of 64 KiB and more counts all of their data and the status byte, and the data are right',
  proves: { 'split/used-len-counts-written-bytes': 'used-len-in-16-bits' },
  applies: { start: 'negotiated', devices: ['block'] },
  variants: { bytes: [65_024, 65_536, 66_048, 131_072, 262_144] },
  run({ driver, ring, variant, requirement }) {
    const { bytes } = variant;
    const { block } = driver;
    const check = requirement('split/used-len-counts-written-bytes');
    const queue = driver.attach(ring({ size: 128 }));
    // Pages, and no more of them than the fewest segments that devices permit.
    const cuts = new Array<number>(Math.min(64, Math.floor(bytes / page))).fill(page);
    const data = pattern(bytes, 17);
    queue.makeAvailable([block.write(data, { sector: 8, dataCuts: cuts }).segments]);
    queue.kickAndWaitForUsed(1);
    const read = block.read({ sector: 8, bytes, dataCuts: cuts });
    queue.makeAvailable([read.segments]);
    const [used] = queue.kickAndWaitForUsed(1);
    isLengthOf(read, check, queue, used?.len, `len of the used element of a read of ${bytes} bytes`);
    check.bytesEqual(read.data(), data, `data of a read of ${bytes} bytes`);
  },
});

export const longTransfers = defineCase({
  id: 'virtio/block/long-requests-carry-all-of-their-data',
  title: 'of a write and a read of more than 256 KiB, in one buffer or in pages, all data are stored and returned',
  proves: { 'blk/read-returns-written-data': ['block-read-of-256-kib-at-most', 'block-write-of-256-kib-at-most'] },
  applies: { start: 'negotiated', devices: ['block'] },
  variants: { bytes: [262_656, 524_288], buffers: ['one', 'pages'] },
  run({ driver, ring, variant, requirement }) {
    const { bytes, buffers } = variant;
    const cuts = buffers === 'one' ? [] : new Array<number>(60).fill(page);
    const queue = driver.attach(ring({ size: 128 }));
    const problem = driver.transfer(queue, { sector: 7, bytes, seed: 5, readableCuts: cuts, writableCuts: cuts });
    requirement('blk/read-returns-written-data').equal(problem, undefined, `what is wrong with ${bytes} bytes`);
  },
});
