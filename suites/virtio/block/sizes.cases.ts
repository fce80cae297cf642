import { pattern } from '../../../drivers/devices/request.ts';
import { defineCase } from '../../case.ts';

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
    check.equal(used?.len, bytes + 1, `len of the used element of a read of ${bytes} bytes`);
    check.bytesEqual(read.data(), data, `data of a read of ${bytes} bytes`);
  },
});
