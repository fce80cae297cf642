import t from 'tap';
import { encodeBlockHeader } from '../devices/block-layout.ts';
import { inflightRegionSize } from '../vhost-user/inflight-rules.ts';
import { VIRTIO_F_RING_PACKED, VIRTIO_F_VERSION_1 } from '../virtqueue/feature-bits.ts';
import { PackedDriver } from '../virtqueue/packed/driver-ring.ts';
import { areaAddresses, type PackedPosition, packedPosition } from '../virtqueue/ring.ts';
import { readable, writable } from '../virtqueue/segment.ts';
import {
  inflightPayload,
  logPayload,
  vringAddressPayload,
  vringIndexPayload,
  vringStatePayload,
} from '../wire/vhost-user-payloads.ts';
import { encodeVringBase } from '../wire/vring-base.ts';
import { guestWithRing, memoryTable } from './lawful-requests.ts';
import { encode, SessionUnderTest, u64, u64In } from './session-under-test.ts';

const state = (num: number): { payload: Uint8Array } => ({
  payload: encode(vringStatePayload, { index: 0, num }),
});

const FEATURES = VIRTIO_F_VERSION_1 | VIRTIO_F_RING_PACKED | (1n << 30n);

/** A block session with a packed ring that is told of and not started. */
function prepared(size: number, position: PackedPosition, { logs = false, protocol = 8n } = {}) {
  const test = new SessionUnderTest();
  const world = guestWithRing();
  const { guest } = world;
  const ring = guest.ring({ layout: 'packed', size, position });
  test.negotiate(protocol, FEATURES | (logs ? 1n << 26n : 0n));
  test.send('VHOST_USER_SET_MEM_TABLE', memoryTable(test, world));
  const { descriptor, driver: available, device: used } = areaAddresses(ring, 'user');
  const addresses = { index: 0, flags: logs ? 1 : 0, descriptor, available, used, log: 0x7000n };
  const answers = [
    test.acknowledgement('VHOST_USER_SET_VRING_NUM', state(size)),
    test.acknowledgement('VHOST_USER_SET_VRING_ADDR', { payload: encode(vringAddressPayload, addresses) }),
    test.acknowledgement('VHOST_USER_SET_VRING_BASE', state(encodeVringBase(position))),
  ];
  test.send('VHOST_USER_SET_VRING_ENABLE', state(1));
  const call = test.edge.give();
  test.send('VHOST_USER_SET_VRING_CALL', { payload: u64(0n), descriptors: [call] });
  const driver = new PackedDriver(ring);
  const header = guest.allocate({ size: 16 });
  header.store(encodeBlockHeader({ type: 8, sector: 0n }));
  const request = () => {
    const answer = guest.allocate({ size: 21 });
    const id = Number(driver.add([readable(header), writable(answer)]));
    driver.publish();
    return { id, answer };
  };
  const start = () =>
    test.acknowledgement('VHOST_USER_SET_VRING_KICK', { payload: u64(0n), descriptors: [test.edge.give()] });
  const work = (): void => {
    for (let n = 0; n < 100 && test.session.rings.step() === 'progressed'; n++);
  };
  const base = (): number => {
    const [reply] = test.send('VHOST_USER_GET_VRING_BASE', {
      payload: encode(vringIndexPayload, { index: 0, num: 0 }),
    });
    return reply === undefined ? -1 : Number(u64In(reply) >> 32n);
  };
  return { test, ring, guest, driver, request, start, work, base, answers };
}

t.test('a packed ring of any size works, and its base says where both sides stand', async (t) => {
  for (const position of [packedPosition(0), packedPosition(5), packedPosition(4, 0)]) {
    const { request, start, work, base, driver, answers } = prepared(7, position);
    t.same(answers, [0n, 0n, 0n]);
    t.equal(start(), 0n);
    const ids = [request(), request(), request()].map(({ id }) => id);
    work();
    t.same(
      driver.reapUsed().map(({ id, len }) => [id, len]),
      ids.map((id) => [id, 21]),
    );
    const stopped = base();
    t.equal(stopped, encodeVringBase(driver.position));
    request();
    work();
    t.equal(driver.usedCount(), 0, 'a stopped ring rests');
    t.equal(base(), stopped);
    t.equal(start(), 0n);
    work();
    t.equal(driver.usedCount(), 1, 'and goes on from there');
  }
});

t.test('a base that lies outside the ring fails when the ring starts', async (t) => {
  const { test, start } = prepared(7, packedPosition(0));
  t.equal(test.acknowledgement('VHOST_USER_SET_VRING_BASE', state(0x8007_8007)), 0n);
  t.not(start(), 0n);
  t.equal(test.acknowledgement('VHOST_USER_SET_VRING_BASE', state(0x8006_8006)), 0n);
  t.equal(start(), 0n);
});

t.test('the areas of a packed ring that starts: 4 bytes each beside the descriptors, at multiples of 4', async (t) => {
  const { test, ring, start } = prepared(7, packedPosition(0));
  const { descriptor, driver: available, device: used } = areaAddresses(ring, 'user');
  const startedAt = (changed: Partial<Record<'descriptor' | 'available' | 'used', bigint>>) => {
    test.send('VHOST_USER_SET_VRING_ADDR', {
      payload: encode(vringAddressPayload, {
        index: 0,
        flags: 0,
        descriptor,
        available,
        used,
        log: 0n,
        ...changed,
      }),
    });
    return start();
  };
  t.not(startedAt({ available: available + 2n }), 0n);
  t.not(startedAt({ used: used + 2n }), 0n);
  t.equal(startedAt({ available: available + 4n }), 0n);
  t.equal(test.acknowledgement('VHOST_USER_SET_VRING_NUM', state(0)) === 0n, false);
  t.equal(test.acknowledgement('VHOST_USER_SET_VRING_NUM', state(32769)) === 0n, false);
});

t.test('the dirty log has the buffers of a packed ring, and no pages of its areas', async (t) => {
  const { test, request, start, work, guest } = prepared(7, packedPosition(0), { logs: true, protocol: 2n | 8n });
  const log = new Uint8Array(0x1_0000);
  test.send('VHOST_USER_SET_LOG_BASE', {
    payload: encode(logPayload, { logSize: BigInt(log.length), logOffset: 0n }),
    descriptors: [test.edge.give(log)],
  });
  const { answer } = request();
  t.equal(start(), 0n);
  work();
  const marked: number[] = [];
  for (let page = 0; page < log.length * 8; page++) {
    if (((log[page >> 3] ?? 0) >> (page & 7)) & 1) marked.push(page);
  }
  t.same(marked, [Number(answer.guestAddress >> 12n)]);
  t.ok(guest.regions.length > 0);
});

t.test('requests in flight on a packed ring are carried out by the back-end that comes after', async (t) => {
  const size = inflightRegionSize(7, 'packed');
  const record = new Uint8Array(size);
  const view = new DataView(record.buffer);
  const { test, request, start, work, base, driver, ring } = prepared(7, packedPosition(6), { protocol: 8n | 4096n });
  const described = { mmapSize: BigInt(size), mmapOffset: 0n, numQueues: 1, queueSize: 7 };
  t.equal(
    test.acknowledgement('VHOST_USER_SET_INFLIGHT_FD', {
      payload: encode(inflightPayload, described),
      descriptors: [test.edge.give(record)],
    }),
    0n,
  );
  t.equal(start(), 0n);
  t.same([view.getUint16(8, true), view.getUint16(10, true)], [1, 7], 'version and desc_num');
  t.same([view.getUint16(16, true), view.getUint8(20)], [6, 1], 'used_idx and its wrap counter');
  request();
  work();
  t.same([view.getUint16(16, true), view.getUint8(20)], [1, 0], 'over the end of the ring');
  t.same([view.getUint8(32), view.getUint16(38, true)], [0, 2], 'used: not in flight, of 2 descriptors');
  t.equal(view.getBigUint64(32 + 8, true), 1n, 'its counter');
  t.equal(driver.reapUsed().length, 1);

  base();
  const [first, second] = [request(), request()];
  // A back-end took both, used the second and died: the first descriptor of the first chain is overwritten.
  const copies = [1, 2, 3, 4].map((slot) => ring.readDescriptor(slot));
  for (const [n, { addr, len, id, flags }] of copies.entries()) {
    const at = 32 + 32 * n;
    view.setUint16(at + 2, n + 1, true);
    view.setUint16(at + 16, id, true);
    view.setUint16(at + 18, flags, true);
    view.setUint32(at + 20, len, true);
    view.setBigUint64(at + 24, addr, true);
  }
  view.setUint8(32, 1);
  view.setUint16(32 + 4, 1, true);
  view.setUint16(32 + 6, 2, true);
  view.setBigUint64(32 + 8, 2n, true);
  for (const at of [12, 14]) view.setUint16(at, 2, true);
  for (const at of [16, 18]) view.setUint16(at, 3, true);
  ring.writeDescriptor(1, { addr: 0n, id: second.id, len: 21, flags: 2 });
  t.equal(start(), 0n);
  work();
  t.same(
    driver.reapUsed().map(({ id }) => id),
    [second.id, first.id],
  );
  t.equal(base(), encodeVringBase(driver.position));
});
