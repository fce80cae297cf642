import { type BlockRequest, VIRTIO_BLK_S_OK } from '../../../drivers/devices/block-requests.ts';
import type { Queue } from '../../../drivers/port/port.ts';
import { VIRTIO_BLK_T_IN } from '../../../reference-impl/devices/block-layout.ts';
import { defineCase } from '../../case.ts';
import type { Check } from '../../check.ts';
import { range, rangeRequests } from './range-requests.ts';

/**
 * The used len of requests that have little to write, or a status byte alone: a driver that takes it for the bytes that
 * it may read reads memory that the device never wrote (virtio 2.7.8.2, 2.8.4).
 */

const applies = { start: 'negotiated', devices: ['block'] } as const;
const sectorSize = 512;

interface FailedRead {
  readonly before: Uint8Array;
  readonly after: Uint8Array;
  readonly len: number;
}

function isWithinRoom(queue: Queue, check: Check, request: BlockRequest, what: string): void {
  queue.makeAvailable([request.segments]);
  const [used] = queue.kickAndWaitForUsed(1);
  check.atMost(used?.len ?? 0, request.writes.most, `len of the used element of ${what}`);
}

export const ofAnId = defineCase({
  id: 'virtio/block/used-len-of-get-id-is-within-its-buffers',
  title: 'the used len of a GET_ID is no more than its 20 bytes and the status, also behind requests of whole sectors',
  proves: { 'split/used-len-bytes-written': 'used-len-of-id-is-a-sector' },
  applies,
  variants: { firstDescriptor: [20, 1, 19] },
  run({ driver, ring, variant, requirement }) {
    const { block } = driver;
    const check = requirement('split/used-len-bytes-written');
    const queue = driver.attach(ring({ size: 16 }));
    const shape = { dataCuts: [variant.firstDescriptor] };
    isWithinRoom(queue, check, block.getId(shape), 'the first GET_ID');
    isWithinRoom(queue, check, block.read({ bytes: 8 * sectorSize }), 'a read of 8 sectors');
    isWithinRoom(queue, check, block.getId(shape), 'a GET_ID behind a read');
  },
});

export const ofAFailedRead = defineCase({
  id: 'virtio/block/bytes-up-to-used-len-of-a-failed-read-are-written',
  title: 'the used len of a read past the end of any disk, which fails, is no more than the bytes that are written',
  proves: { 'split/used-len-bytes-written': 'block-rest-left-as-it-was' },
  applies,
  variants: { sectors: [1, 3] },
  run({ driver, ring, variant, requirement }) {
    const { block } = driver;
    const check = requirement('split/used-len-bytes-written');
    const queue = driver.attach(ring({ size: 16 }));
    // A byte that holds what it held before in both of two requests, which differ there, was not written.
    const [first, second] = [1, 2].map((seed) => {
      const shape = { type: VIRTIO_BLK_T_IN, sector: 1n << 55n, writableBytes: variant.sectors * sectorSize, seed };
      const request = block.raw(shape);
      const before = request.data().slice();
      queue.makeAvailable([request.segments]);
      const [used] = queue.kickAndWaitForUsed(1);
      check.presumes(request.status() !== VIRTIO_BLK_S_OK, 'a read past the end of any disk fails');
      check.presumes(queue.driver.usedTellsLength, 'its used descriptor has the WRITE flag');
      return { before, after: request.data(), len: used?.len ?? 0 };
    }) as [FailedRead, FailedRead];
    const isLeft = (at: number) =>
      first.before[at] !== second.before[at] && [first, second].every(({ before, after }) => before[at] === after[at]);
    const left = [...first.before.keys()].filter(isLeft).length;
    const statusBytes = 1;
    const most = first.before.length + statusBytes - left;
    // Wherever its bytes lie: a device that tells its status alone is not blamed.
    check.atMost(
      Math.max(first.len, second.len),
      most,
      'len of the used element of a failed read, bytes that it wrote',
    );
  },
});

export const ofAFlush = defineCase({
  id: 'virtio/block/used-len-of-flush-is-within-its-buffers',
  title: 'the used len of a flush, alone and behind a read, is no more than its status byte',
  proves: { 'split/used-len-bytes-written': 'used-len-of-status-is-a-sector' },
  applies: { ...applies, negotiate: ['VIRTIO_BLK_F_FLUSH'] },
  run({ driver, ring, requirement }) {
    const { block } = driver;
    const check = requirement('split/used-len-bytes-written');
    const queue = driver.attach(ring({ size: 16 }));
    isWithinRoom(queue, check, block.flush(), 'the first flush');
    isWithinRoom(queue, check, block.read({ bytes: 8 * sectorSize }), 'a read of 8 sectors');
    isWithinRoom(queue, check, block.flush(), 'a flush behind a read');
  },
});

function ofRanges(type: keyof typeof rangeRequests) {
  return defineCase({
    id: `virtio/block/used-len-of-${type.toLowerCase().replace('_', '-')}-is-within-its-buffers`,
    title: `the used len of ${type}, whether it succeeds or fails, is no more than its status byte`,
    proves: { 'split/used-len-bytes-written': 'used-len-of-status-is-a-sector' },
    applies: { ...applies, negotiate: [`VIRTIO_BLK_F_${type}`] },
    run({ driver, ring, requirement }) {
      const { block } = driver;
      const check = requirement('split/used-len-bytes-written');
      const queue = driver.attach(ring({ size: 16 }));
      const ranges = {
        'one sector': range(16, 1),
        'sixteen sectors': range(16, 16),
        'a sector past the end of any disk': range(1n << 55n, 1),
      };
      for (const [what, data] of Object.entries(ranges)) {
        isWithinRoom(queue, check, block.raw({ type: rangeRequests[type], sector: 0, data }), `${type} of ${what}`);
      }
    },
  });
}

export const ofADiscard = ofRanges('DISCARD');
export const ofZeroes = ofRanges('WRITE_ZEROES');
export const ofAnErasure = ofRanges('SECURE_ERASE');
