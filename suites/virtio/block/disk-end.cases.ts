import { VIRTIO_BLK_S_OK } from '../../../drivers/devices/block-requests.ts';
import type { DeviceDriver } from '../../../drivers/devices/device-driver.ts';
import { pattern } from '../../../drivers/devices/request.ts';
import type { Queue, Session } from '../../../drivers/port/port.ts';
import { defineCase } from '../../case.ts';
import type { Check } from '../../check.ts';
import { fieldFrom } from '../device-parts.ts';
import { blockFields } from './config-layout.ts';
import { isOursToItsEnd } from './disk-size.ts';
import { completed, range, rangeRequests, statusOf } from './range-requests.ts';

/** Requests whose last sector is the last one of the disk (virtio 5.2.6). */

const sectorSize = 512;
/** Whole blocks of every usual size. */
const count = 8;
const limits = {
  DISCARD: blockFields.maxDiscardSectors,
  WRITE_ZEROES: blockFields.maxWriteZeroesSectors,
  SECURE_ERASE: blockFields.maxSecureEraseSectors,
} as const;

/** The last sectors of the disk, and what they hold once they were written. */
interface DiskEnd {
  readonly sector: number;
  write(seed: number): Uint8Array;
  read(): Uint8Array;
}

function diskEnd({ block }: DeviceDriver, queue: Queue, check: Check): DiskEnd {
  const sector = block.facts.sectors - count;
  const what = `the last ${count} sectors`;
  return {
    sector,
    write(seed) {
      const data = pattern(count * sectorSize, seed);
      check.equal(completed(queue, block.write(data, { sector })).status(), VIRTIO_BLK_S_OK, `status: ${what} written`);
      return data;
    },
    read() {
      const request = completed(queue, block.read({ sector, bytes: count * sectorSize }));
      check.equal(request.status(), VIRTIO_BLK_S_OK, `status: ${what} read`);
      return request.data();
    },
  };
}

/** A request with a range that ends where the disk does. */
function cleared(
  type: keyof typeof rangeRequests,
  { session, driver, queue, end }: { session: Session; driver: DeviceDriver; queue: Queue; end: DiskEnd },
  check: Check,
): void {
  check.presumes(fieldFrom(session, check, limits[type]) >= count, `a ${type} may name ${count} sectors`);
  const status = statusOf(queue, driver.block, rangeRequests[type], range(end.sector, count));
  check.equal(status, VIRTIO_BLK_S_OK, `status of a ${type} of the last ${count} sectors`);
}

export const zeroed = defineCase({
  id: 'virtio/block/last-sectors-are-zeroed',
  title: 'WRITE_ZEROES of the last 8 sectors of the disk completes with OK, and they read as zeros',
  proves: { 'blk/zeroed-ranges-read-zero': 'block-zeroes-up-to-the-end-fail' },
  applies: {
    start: 'negotiated',
    devices: ['block'],
    negotiate: ['VIRTIO_BLK_F_WRITE_ZEROES'],
    needs: ['device.config'],
    when: [isOursToItsEnd],
  },
  run({ session, driver, ring, requirement }) {
    const check = requirement('blk/zeroed-ranges-read-zero');
    const queue = driver.attach(ring({ size: 16 }));
    const end = diskEnd(driver, queue, check);
    end.write(3);
    cleared('WRITE_ZEROES', { session, driver, queue, end }, check);
    check.bytesEqual(end.read(), new Uint8Array(count * sectorSize), `the last ${count} sectors`);
  },
});

/** A request that leaves undefined what its sectors read as. */
function emptied<
  const Slug extends 'blk/discard-succeeds' | 'blk/secure-erase-succeeds',
  const Fault extends 'block-discard-up-to-the-end-fails' | 'block-secure-erase-up-to-the-end-fails',
>(type: 'DISCARD' | 'SECURE_ERASE', slug: Slug, fault: Fault) {
  return defineCase({
    id: `virtio/block/${type === 'DISCARD' ? 'discard' : 'secure-erase'}-of-the-last-sectors-succeeds`,
    title: `a ${type} of the last 8 sectors of the disk completes with OK, and they can be written and read again`,
    proves: { [slug]: fault },
    applies: {
      start: 'negotiated',
      devices: ['block'],
      negotiate: [`VIRTIO_BLK_F_${type}`],
      needs: ['device.config'],
      when: [isOursToItsEnd],
    },
    run({ session, driver, ring, requirement }) {
      const check = requirement(slug);
      const queue = driver.attach(ring({ size: 16 }));
      const end = diskEnd(driver, queue, check);
      end.write(4);
      cleared(type, { session, driver, queue, end }, check);
      const again = end.write(5);
      check.bytesEqual(end.read(), again, `the last ${count} sectors, written again`);
    },
  });
}

export const discarded = emptied('DISCARD', 'blk/discard-succeeds', 'block-discard-up-to-the-end-fails');
export const securelyErased = emptied(
  'SECURE_ERASE',
  'blk/secure-erase-succeeds',
  'block-secure-erase-up-to-the-end-fails',
);
