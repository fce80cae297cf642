import {
  encodeFuseRequest,
  FUSE_IN_SIZE,
  FUSE_OUT_SIZE,
  FUSE_ROOT,
  fuseOpcodes,
  fuseSizes,
} from '../../../reference-impl/devices/fuse-layout.ts';
import { type Segment, writable } from '../../../reference-impl/virtqueue/segment.ts';
import { defineCase } from '../../case.ts';
import { runningQueue, servesAfresh } from '../running-queue.ts';
import { FuseClient, type OpenFile, transferPlace } from './fuse-client.ts';

/** Requests that no driver may make: the text leaves open what becomes of them, a device must only survive. */

interface Flaw {
  readonly opcode?: number;
  readonly data?: Uint8Array;
  /** What the header says of the length. */
  readonly length?: number;
  /** Of the request, where not all bytes are there. */
  readonly bytes?: number;
  /** Bytes for the answer. */
  readonly room?: number;
}

const attributes = { opcode: fuseOpcodes.getattr, data: new Uint8Array(fuseSizes.getattrIn) } as const;
/** What is asked of a device that takes more, or tells none. */
const mostWritten = 0x10_0000;
/** So many bytes more than a request may carry: no buffer for one is as long. */
const moreThanMost = 0x2000;
const nameWithoutEnd = Uint8Array.of(0x61, 0x62, 0x63);

/** FUSE_READ or FUSE_WRITE of a file, at a place and of a size that are told, with so many bytes behind. */
const transfer = (file: OpenFile, at: bigint, size: number, behind = 0): Uint8Array =>
  Uint8Array.from([...transferPlace(file, at, size), ...new Uint8Array(behind)]);

/** By what is wrong with each. */
const flaws: Readonly<Record<string, (file: OpenFile, maxWrite: number) => Flaw>> = {
  'header-of-1-byte': () => ({ ...attributes, bytes: 1 }),
  'header-of-39-bytes': () => ({ ...attributes, bytes: FUSE_IN_SIZE - 1 }),
  'length-0': () => ({ ...attributes, length: 0 }),
  'length-of-less-than-header': () => ({ ...attributes, length: FUSE_IN_SIZE - 1 }),
  'length-of-more-than-is-there': () => ({ ...attributes, length: 0xffff_ffff }),
  'getattr-without-data': () => ({ ...attributes, data: new Uint8Array() }),
  'init-of-4-bytes': () => ({ opcode: fuseOpcodes.init, data: new Uint8Array(4) }),
  'lookup-of-name-without-end': () => ({ opcode: fuseOpcodes.lookup, data: nameWithoutEnd }),
  'create-without-name': () => ({ opcode: fuseOpcodes.create, data: new Uint8Array(fuseSizes.createIn) }),
  'unknown-opcode': () => ({ ...attributes, opcode: 0xfffe }),
  'opcode-0': () => ({ ...attributes, opcode: 0 }),
  'write-of-more-than-is-there': (file) => ({ opcode: fuseOpcodes.write, data: transfer(file, 0n, 0xffff, 8) }),
  'write-of-4-gib': (file) => ({ opcode: fuseOpcodes.write, data: transfer(file, 0n, 0xffff_ffff, 8) }),
  'read-of-more-than-room': (file) => ({ opcode: fuseOpcodes.read, data: transfer(file, 0n, 0xffff) }),
  'read-of-4-gib': (file) => ({ opcode: fuseOpcodes.read, data: transfer(file, 0n, 0xffff_ffff) }),
  'read-at-last-byte-of-64-bits': (file) => ({ opcode: fuseOpcodes.read, data: transfer(file, 2n ** 64n - 1n, 8) }),
  'handle-of-no-file': () => ({ opcode: fuseOpcodes.read, data: transfer({ node: 2n, handle: 2n ** 63n }, 0n, 8) }),
  'room-of-15-bytes': () => ({ ...attributes, room: FUSE_OUT_SIZE - 1 }),
  'no-room': () => ({ ...attributes, room: 0 }),
  'batch-forget-of-more-than-is-there': () => ({
    opcode: fuseOpcodes.batchForget,
    data: Uint8Array.of(0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0),
  }),
  'write-of-more-than-max-write': (file, maxWrite) => {
    const size = maxWrite + moreThanMost;
    return { opcode: fuseOpcodes.write, data: transfer(file, 0n, size, size) };
  },
};

export const flawed = defineCase({
  id: 'virtio/fs/flawed-requests-are-survived',
  title: 'requests whose lengths, names or numbers do not fit are survived, in a session with an open file',
  proves: { 'fs/flawed-request-survived': 'fs-flawed-request-aborts' },
  applies: { start: 'closed', devices: ['fs'] },
  run(context) {
    const { guest, points, requirement } = context;
    const check = requirement('fs/flawed-request-survived');
    const keys = Object.keys(flaws).map((key) => ({ key }));
    points(keys, ({ key }) => {
      const { session, queue } = runningQueue(context);
      const client = new FuseClient(guest);
      const maxWrite = Math.min(client.begin(queue, check), mostWritten);
      const file = client.create(queue, check, 'flawed');
      check.isBesideText = true;
      const { opcode = 0, data = new Uint8Array(), length, bytes, room = 64 } = flaws[key]?.(file, maxWrite) ?? {};
      const header = { opcode, unique: 77n, node: FUSE_ROOT, ...(length === undefined ? {} : { length }) };
      const request = encodeFuseRequest(header, data, true).subarray(0, bytes);
      const place = room === 0 ? [] : [writable(guest.allocate({ size: room }))];
      const chain: readonly Segment[] = [...client.cut(request), ...place];
      queue.makeAvailable([chain]);
      queue.kick();
      // A device may leave such a request, and its ring, alone.
      if (session.isOpen) session.fence();
      if (session.isOpen) queue.stop();
      session.close();
      servesAfresh(context, check, `after ${key}`);
    });
  },
});
