import t from 'tap';
import { FsDevice } from '../../devices/fs-device.ts';
import {
  decodeFuseAnswer,
  encodeFuseRequest,
  FUSE_IN_SIZE,
  FUSE_OUT_SIZE,
  FUSE_ROOT,
  type FuseOperation,
  fuseErrors,
  fuseOpcodes,
  fuseSizes,
  nameBytes,
  orderOfInit,
  viewOf,
} from '../../devices/fuse-layout.ts';
import { readable, writable } from '../../virtqueue/segment.ts';
import { harness } from './queue-harness.ts';

const hiprio = 0;
const untouched = 0xa5;

interface Asked {
  readonly node?: bigint;
  readonly data?: Uint8Array;
  readonly isLittle?: boolean;
  readonly room?: number;
  /** What the header says of the length. */
  readonly length?: number;
  /** Bytes of the request that are there. */
  readonly bytes?: number;
}

const words = (size: number, values: readonly number[], isLittle = true): Uint8Array => {
  const data = new Uint8Array(size);
  for (const [n, value] of values.entries()) viewOf(data).setUint32(4 * n, value, isLittle);
  return data;
};

/** A device with two request queues, and what a driver asks of it. */
function server() {
  const device = new FsDevice({ queues: 2 });
  const h = harness(device);
  const queues = [0, 1, 2].map((index) => h.queue(index));
  const ask = (operation: FuseOperation | number, asked: Asked = {}, on = 1) => {
    const { node = FUSE_ROOT, data = new Uint8Array(), isLittle = true, room = 160, length, bytes } = asked;
    const opcode = typeof operation === 'number' ? operation : fuseOpcodes[operation];
    const header = { opcode, unique: 0x1_0000_0005n, node, ...(length === undefined ? {} : { length }) };
    const request = encodeFuseRequest(header, data, isLittle).subarray(0, bytes);
    const span = h.guest.allocate({ size: request.length });
    span.store(request);
    const place = h.guest.allocate({ size: Math.max(room, FUSE_OUT_SIZE) });
    place.fill(untouched);
    const { driver, run } = queues[on] ?? h.queue(on);
    driver.add([readable(span), ...(room === 0 ? [] : [writable(place.slice(0, room))])]);
    run();
    const [used] = driver.reapUsed();
    const answer = place.load();
    return { used: used?.len, answer, ...decodeFuseAnswer(answer.slice(0, 16), isLittle), data: answer.slice(16) };
  };
  const init = (isLittle = true) => ask('init', { data: words(16, [7, 31, 4096], isLittle), isLittle });
  const create = (name: string) => {
    const made = ask('create', { data: Uint8Array.from([...words(16, [2, 0o100644]), ...nameBytes(name)]) });
    return { error: made.error, node: viewOf(made.data).getBigUint64(0, true), handle: made.data.slice(128, 136) };
  };
  const place = (handle: Uint8Array, at: number, size: number): Uint8Array => {
    const data = words(40, [0, 0, at, 0, size]);
    data.set(handle);
    return data;
  };
  return { device, ask, init, create, place };
}

t.test('FUSE_INIT says the order of bytes', async (t) => {
  const request = (opcode: number, isLittle: boolean) =>
    encodeFuseRequest({ opcode, unique: 1n, node: 0n }, new Uint8Array(16), isLittle);
  t.equal(orderOfInit(request(26, true)), 'little');
  t.equal(orderOfInit(request(26, false)), 'big');
  t.equal(orderOfInit(request(3, true)), undefined);
  t.equal(orderOfInit(request(26, true).subarray(0, FUSE_IN_SIZE - 1)), undefined);
});

t.test('a session begins with FUSE_INIT, is one for all queues, and ends with the next or a reset', async (t) => {
  const { device, ask, init } = server();
  const attributes = { data: new Uint8Array(16) };
  t.equal(ask('getattr', attributes).error, -fuseErrors.io, 'ahead of FUSE_INIT');
  const begun = init();
  t.match(begun, { error: 0, length: 80, used: 80, unique: 0x1_0000_0005n });
  t.equal(viewOf(begun.data).getUint32(0, true), 7);
  t.equal(ask('getattr', attributes, 2).error, 0, 'on the other queue');
  t.match(ask('init', { data: words(16, [6, 0]) }), { error: -fuseErrors.proto, length: 16 });
  t.equal(viewOf(ask('init', { data: words(16, [8, 0]) }).data).getUint32(0, true), 7, 'a later version');
  t.equal(init(false).error, 0, 'in big-endian order');
  t.match(ask('getattr', { ...attributes, isLittle: false }), { error: 0, unique: 0x1_0000_0005n });
  t.equal(ask('destroy', { isLittle: false }).error, 0);
  t.equal(ask('getattr', attributes).error, -fuseErrors.io, 'behind FUSE_DESTROY');
  t.equal(init().error, 0);
  device.reset();
  t.equal(device.readConfig(36, 4)?.[0], 2, 'request queues');
});

t.test('files are made, written, read, found and closed', async (t) => {
  const { ask, init, create, place } = server();
  init();
  const { node, handle, error } = create('one');
  t.equal(error, 0);
  const bytes = Uint8Array.from({ length: 100 }, (_, at) => at);
  const written = ask('write', { node, data: Uint8Array.from([...place(handle, 3, 100), ...bytes]) });
  t.match(written, { error: 0, length: 24 });
  t.equal(viewOf(written.data).getUint32(0, true), 100);
  const read = ask('read', { node, data: place(handle, 0, 120) });
  t.match(read, { error: 0, length: FUSE_OUT_SIZE + 103 }, 'no further than to its end');
  t.same([...read.data.slice(0, 103)], [0, 0, 0, ...bytes]);
  const found = ask('lookup', { data: nameBytes('one') });
  t.equal(viewOf(found.data).getBigUint64(0, true), node);
  t.equal(viewOf(found.data).getBigUint64(48, true), 103n, 'its size');
  t.equal(ask('lookup', { data: nameBytes('two') }).error, -fuseErrors.noent);
  t.equal(ask('getattr', { node: 99n, data: new Uint8Array(16) }).error, -fuseErrors.noent);
  const opened = ask('open', { node, data: new Uint8Array(8) });
  t.notSame(opened.data.slice(0, 8), handle, 'a handle of its own');
  t.equal(ask('open', { node: 99n, data: new Uint8Array(8) }).error, -fuseErrors.noent);
  const released = Uint8Array.from([...handle, ...new Uint8Array(16)]);
  t.equal(ask('release', { node, data: released }).error, 0);
  t.equal(ask('release', { node, data: released }).error, -fuseErrors.badf);
  t.equal(ask('read', { node, data: place(handle, 0, 1) }).error, -fuseErrors.badf);
  for (let n = 1; n < 64; n++) t.equal(create(`file-${n}`).error, 0);
  t.equal(create('one too many').error, -fuseErrors.nospc);
});

t.test('what does not fit fails, and nothing is written where no answer is', async (t) => {
  const { ask, init, create, place } = server();
  init();
  const { handle } = create('one');
  const attributes = { data: new Uint8Array(16) };
  t.equal(ask('getattr', { ...attributes, length: 55 }).error, -fuseErrors.inval);
  t.equal(ask('getattr', { data: new Uint8Array(15) }).error, -fuseErrors.inval);
  t.equal(ask('lookup', { data: Uint8Array.of(0x61) }).error, -fuseErrors.inval, 'a name without an end');
  t.equal(ask('write', { data: place(handle, 0, 1) }).error, -fuseErrors.inval);
  t.equal(ask('write', { data: Uint8Array.from([...place(handle, 0x10_0000, 1), 1]) }).error, -fuseErrors.nospc);
  t.equal(ask(0xfffe).error, -fuseErrors.nosys);
  t.equal(ask('getattr', { ...attributes, room: FUSE_OUT_SIZE + 8 }).error, -fuseErrors.io, 'no room for its data');
  t.equal(ask('getattr', { ...attributes, room: FUSE_OUT_SIZE - 1 }).used, 0);
  t.equal(ask('getattr', { ...attributes, room: 0 }).used, 0);
  t.equal(ask('getattr', { bytes: FUSE_IN_SIZE - 1 }).used, 0);
  const forgotten = ask('forget', { data: new Uint8Array(fuseSizes.forgetIn) }, hiprio);
  t.equal(forgotten.used, 0);
  t.same([...new Set(forgotten.answer)], [untouched]);
});
