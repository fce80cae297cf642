import t from 'tap';
import { encodeBlockHeader } from '../devices/block-layout.ts';
import { inflightRegionSize } from '../vhost-user/inflight-rules.ts';
import { isStarted, type RingEvent, type RingState, ringStateRules } from '../vhost-user/ring-state.ts';
import { readable, writable } from '../virtqueue/segment.ts';
import { SplitDriver } from '../virtqueue/split/driver-ring.ts';
import {
  inflightPayload,
  logPayload,
  memoryRegionsPayload,
  vringAddressPayload,
  vringStatePayload,
} from '../wire/vhost-user-payloads.ts';
import { guestWithRing, memoryTable } from './lawful-requests.ts';
import { encode, SessionUnderTest, u64, u64In } from './session-under-test.ts';

const state = (num: number, index = 0): { payload: Uint8Array } => ({
  payload: encode(vringStatePayload, { index, num }),
});

/** A block session with a ring of 16 entries that is told of and not started. */
function prepared(protocolFeatures?: bigint, features?: bigint, logFlag = 0, log = 0n) {
  const test = new SessionUnderTest();
  const world = guestWithRing();
  const { ring, guest } = world;
  test.negotiate(protocolFeatures, features);
  test.send('VHOST_USER_SET_MEM_TABLE', memoryTable(test, world));
  test.send('VHOST_USER_SET_VRING_NUM', state(16));
  const { desc, avail, used } = ring;
  const value = {
    index: 0,
    flags: logFlag,
    descriptor: desc.userAddress,
    used: used.userAddress,
    available: avail.userAddress,
    log,
  };
  test.send('VHOST_USER_SET_VRING_ADDR', { payload: encode(vringAddressPayload, value) });
  const call = test.edge.give();
  test.send('VHOST_USER_SET_VRING_CALL', { payload: u64(0n), descriptors: [call] });
  const driver = new SplitDriver(ring);
  const header = guest.allocate({ size: 16 });
  header.store(encodeBlockHeader({ type: 8, sector: 0n }));
  const request = () => {
    const answer = guest.allocate({ size: 21 });
    const head = Number(driver.add([readable(header), writable(answer)]));
    driver.publish();
    return { head, answer };
  };
  const start = (): number => {
    const kick = test.edge.give();
    test.send('VHOST_USER_SET_VRING_KICK', { payload: u64(0n), descriptors: [kick] });
    return kick;
  };
  const work = (): void => {
    for (let n = 0; n < 100 && test.session.rings.step() === 'progressed'; n++);
  };
  const base = (): number => {
    const [reply] = test.send('VHOST_USER_GET_VRING_BASE', state(0));
    return reply === undefined ? -1 : Number(u64In(reply) >> 32n);
  };
  return { test, ring, guest, driver, request, start, work, base, call };
}

const isEnabled = (state: RingState): boolean => state.endsWith('-enabled');

t.test('the table of ring states: every move', async (t) => {
  const expected: Record<RingEvent, (state: RingState) => [boolean, boolean]> = {
    start: (from) => [true, isEnabled(from)],
    stop: (from) => [false, isEnabled(from)],
    enable: (from) => [isStarted(from), true],
    disable: (from) => [isStarted(from), false],
    'enable-without-protocol-features': (from) => [isStarted(from), true],
    reset: () => [false, false],
  };
  for (const [from, moves] of Object.entries(ringStateRules.next) as [RingState, Record<RingEvent, RingState>][]) {
    for (const [event, to] of Object.entries(moves) as [RingEvent, RingState][]) {
      t.same([isStarted(to), isEnabled(to)], expected[event](from), `${from}, ${event}`);
    }
  }
});

t.test('a ring is served once it is both started and enabled, in either order', async (t) => {
  for (const order of ['start first', 'enable first'] as const) {
    const { test, ring, request, start, work, call } = prepared();
    request();
    if (order === 'start first') start();
    else test.send('VHOST_USER_SET_VRING_ENABLE', state(1));
    work();
    t.equal(ring.usedIdx(), 0, `${order}: not served yet`);
    if (order === 'start first') test.send('VHOST_USER_SET_VRING_ENABLE', state(1));
    else start();
    work();
    t.equal(ring.usedIdx(), 1, `${order}: served, without a kick`);
    t.same(test.edge.signals, [call], 'and called');
  }
});

t.test('without bit 30 rings are enabled at once', async (t) => {
  const { ring, request, start, work } = prepared(0n, 1n << 32n);
  request();
  start();
  work();
  t.equal(ring.usedIdx(), 1);
});

t.test('a stopped ring is left alone, and goes on where it was', async (t) => {
  const { test, ring, request, start, work, base } = prepared();
  test.send('VHOST_USER_SET_VRING_ENABLE', state(1));
  start();
  request();
  test.session.rings.kicked(0, 1);
  work();
  t.equal(base(), 1);
  request();
  test.session.rings.kicked(0, 1);
  work();
  t.equal(ring.usedIdx(), 1, 'nothing happens while it is stopped');
  t.equal(base(), 1, 'the base can be asked for again');
  start();
  work();
  t.equal(ring.usedIdx(), 2);
  t.same(
    [0, 1].map((slot) => ring.usedElement(slot).len),
    [21, 21],
  );
});

t.test('DRIVER_OK is waited for where STATUS is negotiated', async (t) => {
  const { test, ring, request, start, work } = prepared(1n << 16n);
  test.send('VHOST_USER_SET_VRING_ENABLE', state(1));
  request();
  start();
  work();
  t.equal(ring.usedIdx(), 0);
  test.send('VHOST_USER_SET_STATUS', { payload: u64(15n) });
  work();
  t.equal(ring.usedIdx(), 1);
  test.send('VHOST_USER_SET_STATUS', { payload: u64(0n) });
  t.notOk(test.session.rings.someStarted, 'status 0 stops it');
});

t.test('memory may change while a ring runs; a ring that is no longer in it rests', async (t) => {
  const { test, ring, guest, request, start, work } = prepared();
  test.send('VHOST_USER_SET_VRING_ENABLE', state(1));
  start();
  request();
  test.send('VHOST_USER_SET_MEM_TABLE', memoryTable(test, { guest, ring }));
  work();
  t.equal(ring.usedIdx(), 1, 'the new table is in force');
  test.send('VHOST_USER_SET_MEM_TABLE', { payload: encode(memoryRegionsPayload, { numRegions: 0, regions: [] }) });
  request();
  work();
  t.equal(ring.usedIdx(), 1);
  t.equal(test.edge.mapped, 0);
});

t.test('in band: VRING_KICK starts a ring, and used buffers are announced on the back-end channel', async (t) => {
  const bits = [3n, 5n, 14n].reduce((word, bit) => word | (1n << bit), 0n);
  const { test, ring, request, work } = prepared(bits);
  test.send('VHOST_USER_SET_BACKEND_REQ_FD', { descriptors: [test.edge.give()] });
  test.send('VHOST_USER_SET_VRING_CALL', { payload: u64(0x100n) });
  test.send('VHOST_USER_SET_VRING_ENABLE', state(1));
  request();
  t.equal(test.acknowledgement('VHOST_USER_VRING_KICK', state(0)), 0n);
  work();
  t.equal(ring.usedIdx(), 1);
  t.same([...(test.edge.requests[0] ?? [])], [4, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  const alone = new SessionUnderTest();
  alone.send('VHOST_USER_SET_PROTOCOL_FEATURES', { payload: u64(1n << 14n) });
  t.notOk(alone.session.isOpen, 'without BACKEND_REQ and REPLY_ACK the connection ends');
});

t.test('a dirty log has the pages of buffers, and of the used ring where it is flagged', async (t) => {
  for (const flag of [0, 1]) {
    const features = (1n << 32n) | (1n << 30n) | (1n << 26n);
    const { test, guest, request, start, work } = prepared((1n << 1n) | (1n << 3n), features, flag, 0x7000n);
    const log = new Uint8Array(0x1_0000);
    const sending = {
      payload: encode(logPayload, { logSize: 0xc000n, logOffset: 0x1000n }),
      descriptors: [test.edge.give(log)],
    };
    t.equal(test.acknowledgement('VHOST_USER_SET_LOG_BASE', sending), 0n);
    test.send('VHOST_USER_SET_LOG_FD', { descriptors: [test.edge.give()] });
    test.send('VHOST_USER_SET_VRING_ENABLE', state(1));
    const { answer } = request();
    start();
    work();
    const marked: number[] = [];
    for (let page = 0; page < 0xc000 * 8; page++)
      if (((log[0x1000 + (page >> 3)] ?? 0) >> (page & 7)) & 1) marked.push(page);
    const pageOfBuffer = Number(answer.guestAddress >> 12n);
    t.same(marked, pageOfBuffer < 0xc000 * 8 ? [...(flag === 1 ? [7] : []), pageOfBuffer] : flag === 1 ? [7] : []);
    t.ok(guest.regions.length > 0);
  }
});

t.test('requests in flight are recorded, and carried out by the back-end that comes after', async (t) => {
  const size = inflightRegionSize(16, 'split');
  const record = new Uint8Array(size);
  const view = new DataView(record.buffer);
  const describe = (test: SessionUnderTest) => ({
    payload: encode(inflightPayload, { mmapSize: BigInt(size), mmapOffset: 0n, numQueues: 1, queueSize: 16 }),
    descriptors: [test.edge.give(record)],
  });
  const first = prepared();
  t.equal(first.test.acknowledgement('VHOST_USER_SET_INFLIGHT_FD', describe(first.test)), 0n);
  first.test.send('VHOST_USER_SET_VRING_ENABLE', state(1));
  first.start();
  t.same([view.getUint16(8, true), view.getUint16(10, true)], [1, 16], 'version and desc_num');
  const done = first.request();
  first.test.session.rings.kicked(0, 1);
  first.work();
  t.same([view.getUint8(16 + 16 * done.head), view.getUint16(14, true)], [0, 1], 'used: not in flight, used_idx');
  t.equal(view.getBigUint64(16 + 16 * done.head + 8, true), 1n, 'its counter');

  // Three that were fetched by a back-end which died, in the order 2, 0, 1 of these.
  const heads = [first.request(), first.request(), first.request()].map(({ head }) => head);
  for (const [n, counter] of [3n, 4n, 2n].entries()) {
    const at = 16 + 16 * (heads[n] ?? 0);
    view.setUint8(at, 1);
    view.setBigUint64(at + 8, counter, true);
  }
  first.base();
  first.test.send('VHOST_USER_SET_VRING_BASE', state(1));
  first.start();
  first.work();
  t.same(
    [1, 2, 3].map((slot) => first.ring.usedElement(slot).id),
    [heads[2], heads[0], heads[1]],
    'in the order of their counters',
  );
  t.equal(first.ring.usedIdx(), 4);
  t.equal(first.base(), 4);

  first.start();
  const left = [first.request(), first.request()].map(({ head }) => head);
  first.test.session.rings.kicked(0, 1);
  const [reply] = first.test.send('VHOST_USER_GET_VRING_BASE_SKIP_DRAIN', state(0));
  t.equal(reply === undefined ? -1 : Number(u64In(reply) >> 32n), 6, 'a stop at once counts what it leaves in flight');
  t.same([left.map((head) => view.getUint8(16 + 16 * head)), first.ring.usedIdx()], [[1, 1], 4], 'recorded, not used');
  first.start();
  first.work();
  t.same([left.map((head) => view.getUint8(16 + 16 * head)), first.ring.usedIdx()], [[0, 0], 6], 'the next start');
});
