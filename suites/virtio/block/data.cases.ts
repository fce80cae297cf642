import { VIRTIO_BLK_S_OK } from '../../../drivers/devices/block-requests.ts';
import { pattern } from '../../../drivers/devices/request.ts';
import { defineCase } from '../../case.ts';
import { askedDriver, runningQueue } from '../running-queue.ts';
import { isLengthOf } from '../used-length.ts';
import { writableEnd } from './disk-size.ts';

/** Data that is written and read (virtio 5.2.6). */

const sectorSize = 512;

export const sizes = defineCase({
  id: 'virtio/block/read-returns-written-data',
  title: 'what was written is read back byte for byte, whatever its size, its place and its descriptors',
  proves: { 'blk/read-returns-written-data': ['block-read-returns-zeros', 'block-read-inverts-last-byte'] },
  applies: { start: 'closed', devices: ['block'] },
  run(context) {
    const { points, requirement } = context;
    const check = requirement('blk/read-returns-written-data');
    const end = askedDriver(context, ({ block: { facts } }, session) => writableEnd(facts, session, check));
    const page = 4096;
    const all = [1, 2, 8, 64, 128].flatMap((sectors) => [
      { key: `sectors=${sectors},first`, sectors, sector: 0, cuts: [] },
      ...(end === undefined ? [] : [{ key: `sectors=${sectors},last`, sectors, sector: end - sectors, cuts: [] }]),
      { key: `sectors=${sectors},odd,pages`, sectors, sector: 3, cuts: new Array<number>(15).fill(page) },
      { key: `sectors=${sectors},odd,unaligned`, sectors, sector: 5, cuts: [16, 1, 511, 3, 4093, 1] },
    ]);
    points(all, ({ key, sectors, sector, cuts }) => {
      const { session, driver, queue } = runningQueue(context, { size: 64 });
      const problem = driver.transfer(queue, {
        sector,
        bytes: sectors * sectorSize,
        seed: sectors + sector,
        dataCuts: cuts,
      });
      check.equal(problem, undefined, `what is wrong with ${key}`);
      session.close();
    });
  },
});

export const manySectors = defineCase({
  id: 'virtio/block/sectors-keep-their-data-apart',
  title: 'sectors written one by one hold their own data afterwards, read one by one and at once',
  proves: { 'blk/read-returns-written-data': 'block-sectors-in-pairs' },
  applies: { start: 'negotiated', devices: ['block'] },
  run({ driver, ring, requirement }) {
    const { block } = driver;
    const queue = driver.attach(ring({ size: 64 }));
    const check = requirement('blk/read-returns-written-data');
    const count = 16;
    const first = 1000;
    const all = new Uint8Array(count * sectorSize);
    for (let n = 0; n < count; n++) {
      // Not in their order, so that one that lands beside its place is not written over by the next.
      const at = (n * 7) % count;
      const data = pattern(sectorSize, 100 + at);
      all.set(data, at * sectorSize);
      queue.makeAvailable([block.write(data, { sector: first + at }).segments]);
      queue.kickAndWaitForUsed(1);
    }
    for (let at = 0; at < count; at++) {
      const read = block.read({ sector: first + at });
      queue.makeAvailable([read.segments]);
      queue.kickAndWaitForUsed(1);
      check.bytesEqual(read.data(), all.subarray(at * sectorSize, (at + 1) * sectorSize), `sector ${at} of ${count}`);
    }
    const whole = block.read({ sector: first, bytes: all.length });
    queue.makeAvailable([whole.segments]);
    queue.kickAndWaitForUsed(1);
    check.bytesEqual(whole.data(), all, `${count} sectors in one request`);
  },
});

export const outstanding = defineCase({
  id: 'virtio/block/outstanding-requests-keep-their-data-apart',
  title: 'many requests at once: each write lands at its sector, each read gets the data of its own',
  proves: { 'blk/read-returns-written-data': 'block-read-inverts-last-byte' },
  applies: { start: 'negotiated', devices: ['block'] },
  variants: { sectors: [1, 7] },
  run({ driver, ring, variant, requirement }) {
    const { block } = driver;
    const queue = driver.attach(ring({ size: 64 }));
    const check = requirement('blk/read-returns-written-data');
    const places = Array.from({ length: 16 }, (_, n) => ({
      sector: 64 + n * 16,
      data: pattern(variant.sectors * sectorSize, n),
    }));
    const writes = places.map(({ sector, data }) => block.write(data, { sector }));
    queue.makeAvailable(writes.map(({ segments }) => segments));
    queue.kickAndWaitForUsed(writes.length);
    const reads = places.map(({ sector, data }) => block.read({ sector, bytes: data.length }));
    queue.makeAvailable(reads.map(({ segments }) => segments));
    queue.kickAndWaitForUsed(reads.length);
    for (const [n, read] of reads.entries()) {
      const expected = places[n]?.data ?? new Uint8Array(0);
      if (!check.bytesEqual(read.data(), expected, `data of request ${n}`)) return;
    }
  },
});

export const onlyItsSectors = defineCase({
  id: 'virtio/block/write-changes-only-its-sectors',
  title: 'a write changes the sectors that it names, all of them, and no others',
  proves: { 'blk/write-changes-only-its-sectors': ['block-write-cut-after-one-sector', 'block-write-one-sector-more'] },
  applies: { start: 'negotiated', devices: ['block'] },
  variants: { sectors: [1, 2, 5] },
  run({ driver, ring, variant, requirement }) {
    const { block } = driver;
    const queue = driver.attach(ring({ size: 32 }));
    const first = 200;
    const count = 16;
    const before = pattern(count * sectorSize, 1);
    const middle = pattern(variant.sectors * sectorSize, 2);
    const into = 6;
    const write = (data: Uint8Array, sector: number): void => {
      queue.makeAvailable([block.write(data, { sector, dataCuts: [100] }).segments]);
      queue.kickAndWaitForUsed(1);
    };
    // Sector by sector, so that what is looked for is put there by more than one kind of request.
    for (let at = 0; at < count; at++) write(before.subarray(at * sectorSize, (at + 1) * sectorSize), first + at);
    write(middle, first + into);
    const read = block.read({ sector: first, bytes: before.length });
    queue.makeAvailable([read.segments]);
    queue.kickAndWaitForUsed(1);
    const expected = before.slice();
    expected.set(middle, into * sectorSize);
    requirement('blk/write-changes-only-its-sectors').bytesEqual(
      read.data(),
      expected,
      `${count} sectors, of which ${variant.sectors} were written again`,
    );
  },
});

export const usedLen = defineCase({
  id: 'virtio/block/bytes-up-to-used-len-are-written',
  title: 'when used idx moves, as many bytes of the writable part are written as len says: data, then status',
  proves: {
    'split/used-len-bytes-written': ['used-len-beyond-written-bytes', 'block-data-behind-used-element'],
  },
  applies: { start: 'negotiated', devices: ['block'] },
  variants: { sectors: [1, 16] },
  run({ driver, ring, variant, requirement }) {
    const { block } = driver;
    const queue = driver.attach(ring({ size: 16 }));
    const check = requirement('split/used-len-bytes-written');
    const data = pattern(variant.sectors * sectorSize, 21);
    queue.makeAvailable([block.write(data, { sector: 40 }).segments]);
    queue.kickAndWaitForUsed(1);
    const read = block.read({ sector: 40, bytes: data.length, dataCuts: [500] });
    queue.makeAvailable([read.segments]);
    const [used] = queue.kickAndWaitForUsed(1);
    const len = used?.len ?? 0;
    check.atMost(len, data.length + 1, 'len of the used element');
    const expected = Uint8Array.of(...data, VIRTIO_BLK_S_OK).subarray(0, len);
    const written = Uint8Array.of(...read.data(), read.status()).subarray(0, len);
    check.bytesEqual(written, expected, `the first ${len} bytes of the writable part`);
  },
});

export const usedLenOfEachKind = defineCase({
  id: 'virtio/block/used-len-of-each-kind-of-request',
  title: 'the used len of reads, writes, flushes and GET_ID counts their data and the status byte',
  proves: { 'split/used-len-counts-written-bytes': ['block-written-bytes-without-status', 'used-len-zero'] },
  applies: { start: 'negotiated', devices: ['block'], negotiate: ['VIRTIO_BLK_F_FLUSH'] },
  run({ driver, ring, requirement }) {
    const { block } = driver;
    const queue = driver.attach(ring({ size: 16 }));
    const check = requirement('split/used-len-counts-written-bytes');
    const requests = {
      'a read of one sector': block.read({ sector: 2 }),
      'a read of 9 sectors': block.read({ sector: 2, bytes: 9 * sectorSize, dataCuts: [512, 1024] }),
      'a write': block.write(pattern(sectorSize, 3), { sector: 2 }),
      'a flush': block.flush(),
      GET_ID: block.getId(),
    };
    for (const [name, request] of Object.entries(requests)) {
      queue.makeAvailable([request.segments]);
      const [used] = queue.kickAndWaitForUsed(1);
      isLengthOf(request, check, queue, used?.len, `len of the used element of ${name}`);
    }
  },
});
