import t, { type Test } from 'tap';
import { featureSet } from '../../reference-impl/catalogue/catalogue.ts';
import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import type { RingWriteObservation } from '../../reference-impl/observations/event.ts';
import { setUpByMessages } from '../../reference-impl/observations/trace-notes.ts';
import { judgedTrace } from '../../reference-impl/oracle/traced/judged-trace.ts';
import { VIRTQ_DESC_F_WRITE } from '../../reference-impl/virtqueue/descriptor.ts';
import {
  VIRTIO_F_EVENT_IDX,
  VIRTIO_F_RING_PACKED,
  VIRTIO_F_VERSION_1,
} from '../../reference-impl/virtqueue/feature-bits.ts';
import { GuestPackedRing } from '../../reference-impl/virtqueue/packed/guest-ring.ts';
import { usedBits } from '../../reference-impl/virtqueue/packed/layout.ts';
import {
  type GuestRing,
  positionBeforeWrap,
  positionOf,
  type RingLayout,
  ringLayouts,
} from '../../reference-impl/virtqueue/ring.ts';
import { GuestSplitRing } from '../../reference-impl/virtqueue/split/guest-ring.ts';
import { openDeviceDriver } from '../devices/device-types.ts';
import type { AttachOptions, Queue } from '../port/port.ts';
import { openReference } from '../reference/open-reference.ts';
import { mostByHand, storesLeftOut } from '../session/ring-trace.ts';

/** A block device of this process, with a queue that begins two chains before the wrap of its layout. */
function queueOf(t: Test, layout: RingLayout, more = 0n, options: Partial<AttachOptions> = {}) {
  const port = openReference({ device: 'block' });
  t.teardown(() => port.close());
  const opened = port.connect();
  if (opened.kind === 'refused') throw new Error(opened.why);
  const { session } = opened;
  const packed = layout === 'packed' ? VIRTIO_F_RING_PACKED : 0n;
  session.negotiate(featureSet({ device: VIRTIO_F_VERSION_1 | packed | more }));
  const guest = port.createGuest(guestLayouts['below-and-above-4gib']);
  session.shareMemory(guest);
  const driver = openDeviceDriver({ session, facts: port.facts.workload, guest: () => guest });
  const ring = guest.ring({ layout, size: 16, position: positionBeforeWrap(layout, 16, 2) });
  return { port, driver, ring, queue: driver.attach(ring, options) };
}

const writesOf = ({ log }: ReturnType<typeof queueOf>['port'], queue: Queue): RingWriteObservation[] =>
  log.events().flatMap((event) => (event.kind === 'ring-write' && event.index === queue.index ? [event] : []));
const writesTo = (port: ReturnType<typeof queueOf>['port'], queue: Queue): string[] =>
  writesOf(port, queue).map(({ what }) => what);

for (const layout of ringLayouts) {
  t.test(
    `${layout}: used elements are counted from the attach, taken or not, and a stop tells the position`,
    async (t) => {
      const { port, driver, queue } = queueOf(t, layout);
      t.equal(driver.layout, layout);
      for (const seed of [1, 2, 3]) t.equal(driver.once(queue, { seed }), undefined);
      t.equal(queue.usedCount(), 3);
      queue.makeAvailable([driver.request({ seed: 4 }).segments]);
      queue.kick();
      t.equal(
        port.until(() => queue.usedCount() === 4, 1000),
        'true',
      );
      t.equal(queue.usedCount(), 4, 'it takes nothing');
      queue.waitForUsed(1);
      t.equal(queue.usedCount(), 4);
      t.same(queue.stop(), { kind: 'stopped', position: queue.driver.position });
    },
  );

  t.test(`${layout}: what our side writes into a ring is in the log`, async (t) => {
    const { port, driver, queue } = queueOf(t, layout);
    port.log.restart();
    driver.once(queue);
    const chain = layout === 'split' ? ['available', 'available-idx'] : [];
    const descriptors = driver.request().segments.map(() => 'descriptor');
    t.same(writesTo(port, queue), [...descriptors, ...chain, 'used-seen']);
    port.log.restart();
    queue.driver.disableCalls();
    queue.kick();
    t.same(writesTo(port, queue), ['available-flags'], 'also what a case writes by itself');
    port.log.restart();
    queue.makeAvailable([]);
    t.same(writesTo(port, queue), layout === 'split' ? ['available-idx'] : [], 'no chain, no descriptor');
  });

  t.test(
    `${layout}: a queue that kicks when asked is served with EVENT_IDX, and kicks once for what it shows`,
    async (t) => {
      const { port, driver, queue } = queueOf(t, layout, VIRTIO_F_EVENT_IDX, { kicks: 'when-asked' });
      for (const seed of [1, 2, 3]) t.equal(driver.once(queue, { seed }), undefined, `request ${seed}`);
      const kicks = (): number =>
        port.log.events().filter((event) => event.kind === 'notification' && event.what === 'kick').length;
      const before = kicks();
      queue.kick();
      t.equal(kicks(), before, 'nothing was made available since');
      queue.makeAvailable([driver.request({ seed: 4 }).segments]);
      queue.kick();
      queue.kick();
      t.equal(kicks(), before + 1);
      queue.waitForUsed(1);
    },
  );
}

t.test('what a thread of ours stores to memory is not blamed on the device', async (t) => {
  const { port, queue } = queueOf(t, 'split');
  const { region } = queue.ring.areas.descriptor;
  const change = port.changeMemory(region, region.size - 8, [Uint8Array.of(1, 2, 3, 4), Uint8Array.of(5, 6, 7, 8)], 0);
  // The port would not wait: its device has nothing to do.
  const end = performance.now() + 10_000;
  while (region.bytes[region.size - 8] === 0 && performance.now() < end);
  change.stop();
  t.not(region.bytes[region.size - 8], 0);
  t.equal(queue.stop().kind, 'stopped');
  t.same(port.oracle.findings(), []);
});

for (const layout of ringLayouts) {
  t.test(`${layout}: what is stored by hand is in the log, before and behind a kick, as it is then`, async (t) => {
    const { port, driver, queue } = queueOf(t, layout);
    t.equal(driver.once(queue, { seed: 1 }), undefined);
    const { ring } = queue;
    port.log.restart();
    const segments = driver.request({ seed: 2 }).segments;
    const id = queue.driver.add(segments);
    if (id === 'ring-full') throw new Error('there is room');
    // Behind the driver side: what the device meets, and not what was laid.
    if (ring instanceof GuestSplitRing) ring.writeDescriptor(id, { len: 0x1234 });
    queue.driver.publish();
    const lengths = writesOf(port, queue).flatMap(({ what, bytes }) =>
      what === 'descriptor' ? [new DataView(bytes.buffer, bytes.byteOffset).getUint32(8, true)] : [],
    );
    const laid = segments.map(({ length }) => length);
    // The first of a packed ring is laid, and made available at the end.
    t.same(lengths, layout === 'split' ? [...laid, 0x1234] : [...laid, laid[0]]);
    if (layout === 'split') t.match(writesTo(port, queue).slice(-3), ['available', 'descriptor', 'available-idx']);
    port.log.restart();
    queue.kick();
    t.same(writesTo(port, queue), [], 'once');
    if (ring instanceof GuestSplitRing) {
      ring.setAvailHead(3, 7);
      ring.setUsedEvent(9);
      ring.setUsedEvent(9);
      t.same(writesTo(port, queue), ['available', 'used-event'], 'behind the kick');
    } else if (ring instanceof GuestPackedRing) {
      ring.writeDescriptor(5, { len: 7 });
      ring.writeDescriptor(6, { len: 8, flags: 0 });
      ring.setDriverEvent(1 << 16);
      t.same(writesTo(port, queue), ['descriptor', 'descriptor', 'available-flags'], 'behind the kick');
    }
    queue.kick();
    port.log.restart();
    for (let n = 0; n < mostByHand + 9; n++) {
      if (ring instanceof GuestSplitRing) ring.setAvailHead(3, n);
      else if (ring instanceof GuestPackedRing) ring.setFlags(5, n);
    }
    const events = port.log.events();
    t.equal(events.length, mostByHand + 1);
    t.match(events.at(-1), { kind: 'note', text: storesLeftOut(queue.index) });
  });

  t.test(`${layout}: a ring that a case makes known by itself is in the log, and is judged by no trace`, async (t) => {
    const { port, driver, ring: other } = queueOf(t, layout);
    other.reset(positionBeforeWrap(layout, 16, 2));
    port.log.restart();
    const side = port.driverSide(other, 3);
    const ids = [side.add(driver.request({ seed: 1 }).segments), side.add(driver.request({ seed: 2 }).segments)];
    side.publish();
    const [id = 'ring-full'] = ids;
    if (id === 'ring-full') throw new Error('there is room');
    const len = laysUsed(other, id);
    t.same(side.reapUsed(), [{ id, len }]);
    const events = port.log.events();
    t.match(events[0], { kind: 'note', text: setUpByMessages(3) });
    const told = events.flatMap((event) => (event.kind === 'ring-write' ? [event] : []));
    t.ok(told.every(({ index }) => index === 3));
    t.equal(told.at(-1)?.what, 'used-seen');
    t.ok(told.filter(({ what }) => what === 'descriptor').length >= 4);
    const findings = judgedTrace(events, { judgesRings: true });
    t.same([...findings.requirements], []);
    const asAttached = judgedTrace(events.slice(1), { judgesRings: true });
    t.ok([...asAttached.requirements].some((name) => (asAttached.of(name)?.breaches.length ?? 0) > 0));
  });
}

/** Shows an element that is longer than its chain, as a device would, which has the ring by its memory. Its len. */
function laysUsed({ layout, size, areas, position }: GuestRing, id: number): number {
  const len = 1 << 20;
  if (layout === 'split') {
    const ring = new GuestSplitRing(size, areas);
    const idx = ring.usedIdx();
    ring.setUsedElement(idx % size, id, len);
    ring.setUsedIdx(idx + 1);
  } else {
    const ring = new GuestPackedRing(size, areas);
    const { used, usedWrap } = positionOf('packed', position);
    ring.setUsed(used, id, len);
    ring.setFlags(used, usedBits(usedWrap) | VIRTQ_DESC_F_WRITE);
  }
  return len;
}
