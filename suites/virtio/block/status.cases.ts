import {
  type BlockRequest,
  VIRTIO_BLK_S_IOERR,
  VIRTIO_BLK_S_OK,
  VIRTIO_BLK_S_UNSUPP,
  VIRTIO_BLK_T_IN,
  VIRTIO_BLK_T_OUT,
} from '../../../drivers/devices/block-requests.ts';
import { pattern } from '../../../drivers/devices/request.ts';
import { writable } from '../../../reference-impl/virtqueue/segment.ts';
import { defineCase } from '../../case.ts';
import { runningQueue } from '../running-queue.ts';
import { diskSize, leavesDisk } from './disk-size.ts';

/** What becomes of a request, as its status byte tells (virtio 5.2.6). */

const statuses = [VIRTIO_BLK_S_OK, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_UNSUPP];

export const statusByte = defineCase({
  id: 'virtio/block/status-byte-is-written',
  title: 'the last writable byte of each request gets OK, IOERR or UNSUPP, alone in a descriptor or behind the data',
  proves: { 'blk/status-byte-written': ['block-status-undefined', 'block-status-before-data'] },
  applies: { start: 'negotiated', devices: ['block'] },
  variants: { statusAlone: [true, false] },
  run({ driver, ring, variant, requirement }) {
    const { block } = driver;
    const queue = driver.attach(ring({ size: 16 }));
    const check = requirement('blk/status-byte-written');
    const shape = variant.statusAlone ? {} : { writableCuts: [] };
    const requests: Record<string, BlockRequest> = {
      read: block.read(shape),
      'read of 8 sectors': block.read({ bytes: 4096, ...shape }),
      write: block.write(pattern(512, 3)),
      GET_ID: block.getId(shape),
      'unknown type': block.raw({ type: 9, sector: 0, writableBytes: 512, ...shape }),
    };
    for (const [name, request] of Object.entries(requests)) {
      queue.makeAvailable([request.segments]);
      queue.kickAndWaitForUsed(1);
      check.oneOf(request.status(), statuses, `status of ${name}`);
    }
  },
});

export const flush = defineCase({
  id: 'virtio/block/flush-succeeds',
  title: 'a flush completes with OK, alone and behind a write',
  proves: { 'blk/flush-succeeds': 'block-flush-fails' },
  applies: { start: 'negotiated', devices: ['block'], negotiate: ['VIRTIO_BLK_F_FLUSH'] },
  run({ driver, ring, requirement }) {
    const { block } = driver;
    const queue = driver.attach(ring({ size: 16 }));
    const check = requirement('blk/flush-succeeds');
    const alone = block.flush();
    queue.makeAvailable([alone.segments]);
    queue.kickAndWaitForUsed(1);
    check.equal(alone.status(), VIRTIO_BLK_S_OK, 'status of a flush');
    const behind = block.flush();
    queue.makeAvailable([block.write(pattern(512, 4)).segments, behind.segments]);
    queue.kickAndWaitForUsed(2);
    check.equal(behind.status(), VIRTIO_BLK_S_OK, 'status of a flush behind a write');
  },
});

export const getId = defineCase({
  id: 'virtio/block/get-id-returns-string',
  title: 'GET_ID fills 20 bytes with ASCII text, NUL behind it when it is shorter, the same each time',
  proves: { 'blk/get-id-returns-string': 'block-id-empty' },
  applies: { start: 'negotiated', devices: ['block'] },
  run({ driver, ring, requirement }) {
    const { block } = driver;
    const queue = driver.attach(ring({ size: 16 }));
    const check = requirement('blk/get-id-returns-string');
    const ids = [[], [7]].map((dataCuts) => {
      const request = block.getId({ dataCuts });
      queue.makeAvailable([request.segments]);
      queue.kickAndWaitForUsed(1);
      check.equal(request.status(), VIRTIO_BLK_S_OK, 'status');
      return request.data();
    });
    const [id = new Uint8Array(0), again = new Uint8Array(0)] = ids;
    const end = id.indexOf(0);
    const text = end < 0 ? id : id.subarray(0, end);
    const isText =
      text.every((byte) => byte >= 0x20 && byte < 0x7f) && id.subarray(text.length).every((byte) => byte === 0);
    check.holds(isText, 'the 20 bytes', { expected: 'printable ASCII, then NUL to the end', actual: id.join(' ') });
    check.bytesEqual(again, id, 'the id asked for again, cut behind byte 7');
  },
});

export const idWithinBuffers = defineCase({
  id: 'virtio/block/get-id-stays-within-its-buffers',
  title: 'GET_ID into descriptors that do not lie side by side writes nothing between them',
  proves: { 'split/nothing-written-outside-buffers': 'byte-behind-buffer-scribbled' },
  applies: { start: 'negotiated', devices: ['block'] },
  variants: { first: [1, 7, 19] },
  run({ guest, driver, ring, variant, requirement }) {
    const queue = driver.attach(ring({ size: 16 }));
    const area = guest.allocate({ size: 256 });
    const [header] = driver.block.getId().segments;
    const parts = [area.slice(0, variant.first), area.slice(64, 20 - variant.first), area.slice(128, 1)];
    area.fill(0x5a);
    queue.makeAvailable([[...(header === undefined ? [] : [header]), ...parts.map(writable)]]);
    queue.kickAndWaitForUsed(1);
    const bytes = area.load();
    for (const part of parts) bytes.fill(0x5a, part.offset - area.offset, part.offset - area.offset + part.length);
    const check = requirement('split/nothing-written-outside-buffers');
    check.bytesEqual(bytes, new Uint8Array(256).fill(0x5a), 'memory around the writable descriptors');
  },
});

export const unknownType = defineCase({
  id: 'virtio/block/unknown-request-is-unsupported',
  title: 'a request of a type that no text defines completes with UNSUPP',
  proves: { 'blk/unknown-request-unsupported': 'block-unknown-request-done' },
  applies: { start: 'closed', devices: ['block'] },
  run(context) {
    const check = context.requirement('blk/unknown-request-unsupported');
    const all = [7, 9, 12, 100, 4096, 0x7fff_fff0].flatMap((type) =>
      [0, 512].map((writableBytes) => ({ key: `type=${type},writable=${writableBytes}`, type, writableBytes })),
    );
    context.points(all, ({ key, type, writableBytes }) => {
      const { session, driver, queue } = runningQueue(context);
      const request = driver.block.raw({ type, sector: 0, writableBytes });
      queue.makeAvailable([request.segments]);
      queue.kickAndWaitForUsed(1);
      check.equal(request.status(), VIRTIO_BLK_S_UNSUPP, `status of ${key}`);
      session.close();
    });
  },
});

export const pastCapacity = defineCase({
  id: 'virtio/block/access-past-capacity-fails',
  title: 'a read or write that leaves the disk fails, however far, and the last sectors keep their data',
  proves: { 'blk/access-past-capacity-fails': 'block-access-past-capacity-done' },
  applies: { start: 'closed', devices: ['block'], needs: ['disk.size'] },
  run(context) {
    const check = context.requirement('blk/access-past-capacity-fails');
    const disk = diskSize(context, check);
    const { capacity, isOurs } = disk;
    const far = [
      { key: 'at-end', sector: capacity, sectors: 1 },
      { key: 'over-end', sector: capacity - 1n, sectors: 2 },
      { key: '2^32', sector: 1n << 32n, sectors: 1 },
      { key: '2^55', sector: 1n << 55n, sectors: 1 },
      { key: '2^63', sector: 1n << 63n, sectors: 1 },
      { key: '2^64-1', sector: (1n << 64n) - 1n, sectors: 1 },
      { key: '2^64-1,wraps', sector: (1n << 64n) - 1n, sectors: 3 },
    ];
    const all = far
      .filter((one) => leavesDisk([one], disk))
      .flatMap((one) => (['read', 'write'] as const).map((kind) => ({ ...one, key: `${kind},${one.key}`, kind })));
    context.points(all, ({ key, kind, sector, sectors }) => {
      const { session, driver, queue } = runningQueue(context);
      const { block } = driver;
      const last = Number(capacity) - 1;
      const done = (request: BlockRequest): BlockRequest => {
        queue.makeAvailable([request.segments]);
        queue.kickAndWaitForUsed(1);
        return request;
      };
      if (isOurs) done(block.write(pattern(512, 77), { sector: last }));
      const kept = isOurs ? pattern(512, 77) : done(block.read({ sector: last, bytes: 512 })).data();
      const request =
        kind === 'read'
          ? block.raw({ type: VIRTIO_BLK_T_IN, sector, writableBytes: sectors * 512 })
          : block.raw({ type: VIRTIO_BLK_T_OUT, sector, data: pattern(sectors * 512, 78) });
      check.equal(done(request).status(), VIRTIO_BLK_S_IOERR, `status of ${key}`);
      const read = done(block.read({ sector: last, bytes: 512 }));
      check.bytesEqual(read.data(), kept, `last sector after ${key}`);
      session.close();
    });
  },
});
