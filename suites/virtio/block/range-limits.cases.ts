import {
  type BlockRequests,
  VIRTIO_BLK_S_IOERR,
  VIRTIO_BLK_S_OK,
  VIRTIO_BLK_S_UNSUPP,
  VIRTIO_BLK_T_IN,
  VIRTIO_BLK_T_OUT,
} from '../../../drivers/devices/block-requests.ts';
import { pattern } from '../../../drivers/devices/request.ts';
import type { Queue } from '../../../drivers/port/port.ts';
import { defineCase } from '../../case.ts';
import { fieldFrom } from '../device-parts.ts';
import { runningQueue } from '../running-queue.ts';
import { blockFields } from './config-layout.ts';
import { type DiskSize, diskSize, leavesDisk } from './disk-size.ts';
import { completed, range, rangeBytes, rangeRequests, statusOf } from './range-requests.ts';

/** Requests with segments at the edges of what they may name, and past them (virtio 5.2.6). */

const sectorSize = 512;
/** Sectors that are looked at on each side of a range, and at each end of the disk. */
const around = 8;
const failures = [VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_UNSUPP];
const statuses = [VIRTIO_BLK_S_OK, ...failures];

function written(queue: Queue, block: BlockRequests, sector: number, sectors: number, seed: number): Uint8Array {
  const data = pattern(sectors * sectorSize, seed);
  completed(queue, block.write(data, { sector }));
  return data;
}

const read = (queue: Queue, block: BlockRequests, sector: number, sectors: number): Uint8Array =>
  completed(queue, block.read({ sector, bytes: sectors * sectorSize })).data();

/** What the last sectors of the disk hold from now on: data of ours where it may be written. */
function lastSectors(queue: Queue, block: BlockRequests, { capacity, isOurs }: DiskSize): Uint8Array {
  const first = Number(capacity) - around;
  return isOurs ? written(queue, block, first, around, first + 3) : read(queue, block, first, around);
}

function pastCapacity(type: keyof typeof rangeRequests) {
  return defineCase({
    id: `virtio/block/${type.toLowerCase().replace('_', '-')}-past-capacity-fails`,
    title: `${type} of a range that leaves the disk, however far, fails, and the first and last sectors keep their data`,
    proves: {
      'blk/access-past-capacity-fails': [
        'block-range-past-capacity-done',
        'block-range-end-wraps-at-64-bits',
        'block-range-sector-in-32-bits',
        'block-range-bytes-wrap-at-64-bits',
        'block-second-range-unchecked',
      ],
    },
    applies: { start: 'closed', devices: ['block'], needs: ['disk.size'], negotiate: [`VIRTIO_BLK_F_${type}`] },
    run(context) {
      const check = context.requirement('blk/access-past-capacity-fails');
      const disk = diskSize(context, check);
      const { capacity } = disk;
      const end = 1n << 64n;
      const inside = { sector: BigInt(around), sectors: 1 };
      const all = [
        { key: 'at-end', ranges: [{ sector: capacity, sectors: 1 }] },
        { key: 'over-end', ranges: [{ sector: capacity - 1n, sectors: 2 }] },
        { key: 'over-end-by-far', ranges: [{ sector: capacity - 1n, sectors: 0xffff_ffff }] },
        { key: 'from-start,one-too-many', ranges: [{ sector: 0n, sectors: Number(capacity) + 1 }] },
        { key: '2^32', ranges: [{ sector: 1n << 32n, sectors: 1 }] },
        { key: '2^32+1', ranges: [{ sector: (1n << 32n) + 1n, sectors: 1 }] },
        { key: '2^55', ranges: [{ sector: 1n << 55n, sectors: 1 }] },
        { key: '2^55+1', ranges: [{ sector: (1n << 55n) + 1n, sectors: 1 }] },
        { key: '2^63', ranges: [{ sector: 1n << 63n, sectors: 1 }] },
        { key: '2^64-1', ranges: [{ sector: end - 1n, sectors: 1 }] },
        { key: '2^64-1,wraps-to-1', ranges: [{ sector: end - 1n, sectors: 2 }] },
        { key: '2^64-4,wraps-to-4', ranges: [{ sector: end - 4n, sectors: 8 }] },
        { key: 'second-of-two', ranges: [inside, { sector: capacity, sectors: 1 }] },
        { key: 'second-of-two-wraps', ranges: [inside, { sector: end - 1n, sectors: 2 }] },
      ].filter(({ ranges }) => leavesDisk(ranges, disk));
      context.points(all, ({ key, ranges }) => {
        const { session, driver, queue } = runningQueue(context);
        const { block } = driver;
        const last = Number(capacity) - around;
        const kept = [written(queue, block, 0, around, 3), lastSectors(queue, block, disk)];
        const data = Uint8Array.from(ranges.flatMap(({ sector, sectors }) => [...range(sector, sectors)]));
        check.oneOf(statusOf(queue, block, rangeRequests[type], data), failures, `status of ${key}`);
        for (const [n, sector] of [0, last].entries()) {
          const what = `${around} sectors from ${sector} after ${key}`;
          check.bytesEqual(read(queue, block, sector, around), kept[n] ?? new Uint8Array(0), what);
        }
        session.close();
      });
    },
  });
}

export const discardPastCapacity = pastCapacity('DISCARD');
export const writeZeroesPastCapacity = pastCapacity('WRITE_ZEROES');
export const secureErasePastCapacity = pastCapacity('SECURE_ERASE');

export const dataPastCapacity = defineCase({
  id: 'virtio/block/nothing-is-changed-by-access-past-capacity',
  title: 'a write past the end of the disk fails, and neither sectors nor the first bytes of the disk change',
  proves: { 'blk/access-past-capacity-fails': ['block-sector-in-32-bits', 'block-end-wraps-at-64-bits'] },
  applies: { start: 'closed', devices: ['block'], needs: ['disk.size'] },
  run(context) {
    const check = context.requirement('blk/access-past-capacity-fails');
    const disk = diskSize(context, check);
    const { capacity } = disk;
    const all = [
      { key: '2^32', sector: 1n << 32n, sectors: 1 },
      { key: '2^32+2', sector: (1n << 32n) + 2n, sectors: 2 },
      { key: '2^55+1', sector: (1n << 55n) + 1n, sectors: 2 },
      { key: '2^64-1,wraps-to-1', sector: (1n << 64n) - 1n, sectors: 2 },
      { key: '2^64-2,wraps-to-6', sector: (1n << 64n) - 2n, sectors: 8 },
      { key: 'over-end-by-7', sector: capacity - 1n, sectors: 8 },
    ]
      .filter((one) => leavesDisk([one], disk))
      .flatMap((one) => (['read', 'write'] as const).map((kind) => ({ ...one, key: `${kind},${one.key}`, kind })));
    context.points(all, ({ key, kind, sector, sectors }) => {
      const { session, driver, queue } = runningQueue(context);
      const { block } = driver;
      const kept = [
        { at: 0, data: written(queue, block, 0, around, 5) },
        { at: Number(capacity) - around, data: lastSectors(queue, block, disk) },
      ];
      const bytes = sectors * sectorSize;
      const request =
        kind === 'read'
          ? block.raw({ type: VIRTIO_BLK_T_IN, sector, writableBytes: bytes })
          : block.raw({ type: VIRTIO_BLK_T_OUT, sector, data: pattern(bytes, 79) });
      check.equal(completed(queue, request).status(), VIRTIO_BLK_S_IOERR, `status of ${key}`);
      for (const { at, data } of kept)
        check.bytesEqual(read(queue, block, at, around), data, `${around} sectors from ${at} after ${key}`);
      session.close();
    });
  },
});

export const onlyItsSectors = defineCase({
  id: 'virtio/block/range-requests-change-only-their-sectors',
  title: 'DISCARD and WRITE_ZEROES of any count, none included, leave the sectors on both sides as they were',
  proves: { 'blk/ranges-change-only-their-sectors': ['block-range-one-sector-more', 'block-empty-range-clears-one'] },
  applies: {
    start: 'closed',
    devices: ['block'],
    negotiate: ['VIRTIO_BLK_F_DISCARD', 'VIRTIO_BLK_F_WRITE_ZEROES'],
  },
  run(context) {
    const check = context.requirement('blk/ranges-change-only-their-sectors');
    const all = (['DISCARD', 'WRITE_ZEROES'] as const).flatMap((type) =>
      [0, 1, 7, 8, 64].flatMap((sectors) =>
        [0, 1, 256].map((sector) => ({ key: `${type},sector=${sector},count=${sectors}`, type, sector, sectors })),
      ),
    );
    context.points(all, ({ key, type, sector, sectors }) => {
      const { session, driver, queue } = runningQueue(context);
      const { block } = driver;
      const first = Math.max(0, sector - around);
      const count = sector - first + sectors + around;
      const kept = written(queue, block, first, count, sectors);
      check.oneOf(statusOf(queue, block, rangeRequests[type], range(sector, sectors)), statuses, `status of ${key}`);
      const found = read(queue, block, first, count);
      const [from, to] = [(sector - first) * sectorSize, (sector - first + sectors) * sectorSize];
      check.bytesEqual(found.subarray(0, from), kept.subarray(0, from), `sectors ahead of ${key}`);
      check.bytesEqual(found.subarray(to), kept.subarray(to), `sectors behind ${key}`);
      session.close();
    });
  },
});

export const manySectors = defineCase({
  id: 'virtio/block/every-sector-of-a-range-is-zeroed',
  title: 'WRITE_ZEROES of 1 to 512 sectors, in any framing of its segment, zeroes each of them',
  proves: { 'blk/zeroed-ranges-read-zero': ['block-range-count-in-8-bits', 'block-range-last-sector-left'] },
  applies: { start: 'closed', devices: ['block'], negotiate: ['VIRTIO_BLK_F_WRITE_ZEROES'] },
  run(context) {
    const check = context.requirement('blk/zeroed-ranges-read-zero');
    const apart = [16];
    const all = [
      { key: 'count=2', sectors: 2, readableCuts: apart },
      { key: 'count=100', sectors: 100, readableCuts: apart },
      { key: 'count=255', sectors: 255, readableCuts: apart },
      { key: 'count=256', sectors: 256, readableCuts: apart },
      { key: 'count=257', sectors: 257, readableCuts: [17] },
      { key: 'count=512', sectors: 512, readableCuts: apart },
      { key: 'count=3,in-one-descriptor', sectors: 3, readableCuts: [] },
      { key: 'count=3,header-and-sector', sectors: 3, readableCuts: [24] },
      { key: 'count=3,inside-count', sectors: 3, readableCuts: [26] },
      { key: 'count=3,flags-apart', sectors: 3, readableCuts: [28] },
      { key: 'count=3,bytewise', sectors: 3, readableCuts: new Array<number>(31).fill(1) },
    ];
    context.points(all, ({ key, sectors, readableCuts }) => {
      const { session, driver, queue } = runningQueue(context, { size: 64 });
      const { block } = driver;
      // A chunk at a time: a device may limit what one request moves.
      const chunks = Array.from({ length: Math.ceil(sectors / 64) }, (_, n) => ({
        sector: 64 * n,
        count: Math.min(64, sectors - 64 * n),
      }));
      for (const { sector, count } of chunks) written(queue, block, sector, count, sector + 1);
      const status = statusOf(queue, block, rangeRequests.WRITE_ZEROES, range(0, sectors), { readableCuts });
      check.equal(status, VIRTIO_BLK_S_OK, `status of ${key}`);
      for (const { sector, count } of chunks) {
        const what = `${count} sectors from ${sector} after ${key}`;
        if (!check.bytesEqual(read(queue, block, sector, count), new Uint8Array(count * sectorSize), what)) break;
      }
      session.close();
    });
  },
});

export const everySegment = defineCase({
  id: 'virtio/block/every-segment-is-carried-out',
  title:
    'WRITE_ZEROES with as many segments as max_write_zeroes_seg permits, up to 4, in any framing, clears each range',
  proves: { 'blk/every-segment-carried-out': ['block-first-segment-only', 'block-segments-of-one-descriptor'] },
  applies: {
    start: 'closed',
    devices: ['block'],
    negotiate: ['VIRTIO_BLK_F_WRITE_ZEROES'],
    needs: ['device.config'],
  },
  run(context) {
    const check = context.requirement('blk/every-segment-carried-out');
    const all = [
      { key: 'one-descriptor', cuts: [] },
      { key: 'header-apart', cuts: [16] },
      { key: 'a-descriptor-each', cuts: [16, rangeBytes, rangeBytes, rangeBytes] },
      { key: 'across-segments', cuts: [16 + 8, rangeBytes, rangeBytes] },
      { key: 'odd', cuts: [3, 14, 1, 13, 7, 9] },
    ];
    context.points(all, ({ key, cuts }) => {
      const { session, driver, queue } = runningQueue(context, { size: 32 });
      const { block } = driver;
      const most = fieldFrom(session, check, blockFields.maxWriteZeroesSeg);
      const places = [16, 3, 40, 29].slice(0, Math.max(1, most));
      const expected = written(queue, block, 0, 48, 11);
      for (const at of places) expected.fill(0, at * sectorSize, (at + 2) * sectorSize);
      const data = Uint8Array.from(places.flatMap((at) => [...range(at, 2)]));
      const status = statusOf(queue, block, rangeRequests.WRITE_ZEROES, data, { readableCuts: cuts });
      check.equal(status, VIRTIO_BLK_S_OK, `status of ${places.length} segments, ${key}`);
      check.bytesEqual(
        read(queue, block, 0, 48),
        expected,
        `48 sectors, two zeroed for each of ${places.length} segments`,
      );
      session.close();
    });
  },
});

export const odd = defineCase({
  id: 'virtio/block/odd-range-requests-are-survived',
  title: 'range requests of no segment, of a part of one, or of far more than is permitted are survived',
  proves: { 'blk/odd-range-request-survived': ['block-odd-range-crashes', 'block-many-ranges-crash'] },
  applies: { start: 'closed', devices: ['block'], negotiate: ['VIRTIO_BLK_F_WRITE_ZEROES'] },
  run(context) {
    const check = context.requirement('blk/odd-range-request-survived');
    const all = [0, 1, 8, 15, 17, 24, 33, 16 * 300, 16 * 1024].map((bytes) => ({ key: `bytes=${bytes}`, bytes }));
    context.points(all, ({ key, bytes }) => {
      const { session, driver, queue } = runningQueue(context);
      const { block } = driver;
      const kept = written(queue, block, 100, around, 12);
      // Segments of no sector at sector 0, whole or in part: nothing that they name can change.
      const request = block.raw({ type: rangeRequests.WRITE_ZEROES, sector: 0, data: new Uint8Array(bytes) });
      queue.makeAvailable([request.segments]);
      queue.kick();
      context.port.until(() => queue.usedCount() !== 0 || queue.errors() > 0 || !session.isOpen, 20);
      session.close();
      const again = runningQueue(context);
      const found = read(again.queue, again.driver.block, 100, around);
      check.bytesEqual(found, kept, `sectors that are read on a new session after ${key}`);
      again.session.close();
    });
  },
});
