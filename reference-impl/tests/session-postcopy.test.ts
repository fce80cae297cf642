import t, { type Test } from 'tap';
import { encodeBlockHeader } from '../devices/block-layout.ts';
import { readable, writable } from '../virtqueue/segment.ts';
import { SplitDriver } from '../virtqueue/split/driver-ring.ts';
import {
  memoryRegionsPayload,
  singleMemoryRegionPayload,
  vringAddressPayload,
  vringStatePayload,
} from '../wire/vhost-user-payloads.ts';
import { closeReplied, guestWithRing, memoryTable } from './lawful-requests.ts';
import { mappedAt } from './recording-edge.ts';
import { encode, SessionUnderTest, u64, u64In } from './session-under-test.ts';

const noRegions = { payload: encode(memoryRegionsPayload, { numRegions: 0, regions: [] }) };

/** A block session in postcopy that was told of its memory and got where that lies. */
function told(t: Test) {
  const test = new SessionUnderTest();
  const world = guestWithRing();
  test.negotiate();
  closeReplied(test, 'VHOST_USER_POSTCOPY_ADVISE');
  test.send('VHOST_USER_POSTCOPY_LISTEN');
  const [reply] = test.send('VHOST_USER_SET_MEM_TABLE', memoryTable(test, world));
  const payload = reply?.payload ?? new Uint8Array(0);
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const decoded = memoryRegionsPayload.decode(view, 0, payload.length);
  t.same(decoded.ok ? decoded.value.regions.map(({ userAddress }) => userAddress) : [], [mappedAt]);
  return { test, world };
}

/** A ring with one request, started. */
function started(test: SessionUnderTest, { guest, ring }: ReturnType<typeof guestWithRing>) {
  test.send('VHOST_USER_SET_VRING_NUM', { payload: encode(vringStatePayload, { index: 0, num: 16 }) });
  const { desc, avail, used } = ring;
  const addresses = { descriptor: desc.userAddress, used: used.userAddress, available: avail.userAddress };
  test.send('VHOST_USER_SET_VRING_ADDR', {
    payload: encode(vringAddressPayload, { index: 0, flags: 0, log: 0n, ...addresses }),
  });
  const header = guest.allocate({ size: 16, align: 4096 });
  header.store(encodeBlockHeader({ type: 8, sector: 0n }));
  const answer = guest.allocate({ size: 21 });
  const driver = new SplitDriver(ring);
  driver.add([readable(header), writable(answer)]);
  driver.publish();
  test.send('VHOST_USER_SET_VRING_KICK', { payload: u64(0n), descriptors: [test.edge.give()] });
  test.send('VHOST_USER_SET_VRING_ENABLE', { payload: encode(vringStatePayload, { index: 0, num: 1 }) });
}

const ended = (test: SessionUnderTest): bigint => test.send('VHOST_USER_POSTCOPY_END').map(u64In)[0] ?? -1n;

const work = ({ session }: SessionUnderTest): void => {
  for (let n = 0; n < 100 && session.rings.step() === 'progressed'; n++);
};

function leavesNothing(t: Test, { session, edge }: SessionUnderTest): void {
  session.release();
  t.equal(edge.open.size, 0, 'no descriptor stays open');
  t.equal(edge.registered.size, 0, 'no memory stays registered');
  t.equal(edge.mapped, 0, 'no memory stays mapped');
}

t.test('memory is touched page by page, once the front-end knows where it lies', async (t) => {
  const { test, world } = told(t);
  started(test, world);
  work(test);
  t.equal(test.edge.touched.length, 0, 'nothing is touched before the acknowledgement');
  t.equal(test.edge.registered.size, 0);
  t.same(test.send('VHOST_USER_SET_MEM_TABLE', noRegions), []);
  t.equal(test.edge.registered.size, 1);
  test.session.rings.kicked(0, 1);
  work(test);
  t.ok(test.edge.touched.length > 0, 'pages of the ring');
  t.equal(world.ring.usedIdx(), 0);
  for (let n = 0; n < 10 && test.edge.touched.length > 0; n++) {
    test.edge.arrive();
    work(test);
  }
  t.equal(world.ring.usedIdx(), 1, 'served once its pages are there');
  t.equal(ended(test), 0n);
  t.equal(test.edge.registered.size, 0);
  leavesNothing(t, test);
});

t.test('memory that was told before POSTCOPY_LISTEN arrives late as well', async (t) => {
  const test = new SessionUnderTest();
  const world = guestWithRing();
  test.negotiate();
  test.send('VHOST_USER_SET_MEM_TABLE', memoryTable(test, world));
  closeReplied(test, 'VHOST_USER_POSTCOPY_ADVISE');
  test.send('VHOST_USER_POSTCOPY_LISTEN');
  t.equal(test.edge.registered.size, 1);
  started(test, world);
  t.ok(test.edge.touched.length > 0);
  leavesNothing(t, test);
});

t.test('the end of postcopy ends every wait for a page', async (t) => {
  const { test, world } = told(t);
  test.send('VHOST_USER_SET_MEM_TABLE', noRegions);
  started(test, world);
  work(test);
  t.equal(world.ring.usedIdx(), 0);
  test.send('VHOST_USER_POSTCOPY_END');
  test.session.rings.kicked(0, 1);
  work(test);
  t.equal(world.ring.usedIdx(), 1);
  leavesNothing(t, test);
});

t.test('a region that is added is told of as well, and acknowledged by an empty message or a u64', async (t) => {
  for (const payload of [new Uint8Array(0), u64(0n)]) {
    const { test } = told(t);
    test.send('VHOST_USER_SET_MEM_TABLE', noRegions);
    const region = { guestAddress: 0x1_0000_0000n, userAddress: 0x10_0000_0000n, size: 0x2000n, mmapOffset: 0n };
    const adding = {
      payload: encode(singleMemoryRegionPayload, region),
      descriptors: [test.edge.give(new Uint8Array(0x2000))],
    };
    const [reply] = test.send('VHOST_USER_ADD_MEM_REG', adding);
    const at = singleMemoryRegionPayload.decode(
      new DataView((reply?.payload ?? new Uint8Array(0)).slice().buffer),
      0,
      40,
    );
    t.equal(at.ok ? at.value.userAddress : 0n, mappedAt);
    t.equal(test.edge.registered.size, 1);
    t.same(test.send('VHOST_USER_ADD_MEM_REG', { payload }), []);
    t.equal(test.edge.registered.size, 2);
    test.edge.close(adding.descriptors[0]);
    leavesNothing(t, test);
  }
});

t.test('what does not fit the state is refused', async (t) => {
  const test = new SessionUnderTest();
  test.negotiate();
  t.equal(test.acknowledgement('VHOST_USER_POSTCOPY_LISTEN'), 1n, 'POSTCOPY_LISTEN without POSTCOPY_ADVISE');
  t.equal(ended(test), 1n, 'POSTCOPY_END without POSTCOPY_LISTEN');
  t.equal(test.acknowledgement('VHOST_USER_SET_MEM_TABLE'), 1n, 'an acknowledgement of nothing');
  const { test: late, world } = told(t);
  t.equal(late.acknowledgement('VHOST_USER_SET_MEM_TABLE', memoryTable(late, world)), 1n, 'a table in place of one');
  leavesNothing(t, late);
});
