import t, { type Test } from 'tap';
import { featureSet } from '../../reference-impl/catalogue/catalogue.ts';
import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import {
  VIRTIO_F_EVENT_IDX,
  VIRTIO_F_RING_PACKED,
  VIRTIO_F_VERSION_1,
} from '../../reference-impl/virtqueue/feature-bits.ts';
import { positionBeforeWrap, type RingLayout, ringLayouts } from '../../reference-impl/virtqueue/ring.ts';
import { GuestSplitRing } from '../../reference-impl/virtqueue/split/guest-ring.ts';
import { openDeviceDriver } from '../devices/device-types.ts';
import type { AttachOptions, Queue } from '../port/port.ts';
import { openReference } from '../reference/open-reference.ts';
import { storedByHand } from '../session/ring-trace.ts';

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

const writesTo = ({ log }: ReturnType<typeof queueOf>['port'], queue: Queue): string[] =>
  log.events().flatMap((event) => (event.kind === 'ring-write' && event.index === queue.index ? [event.what] : []));

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
  t.test(`${layout}: what is added by hand is in the log at the kick, as it is then`, async (t) => {
    const { port, driver, queue } = queueOf(t, layout);
    const mark = (): number => port.log.events().length;
    t.equal(driver.once(queue, { seed: 1 }), undefined);
    const sound = mark();
    queue.kick();
    t.notOk(
      port.log
        .events()
        .slice(sound)
        .some(({ kind }) => kind === 'note' || kind === 'ring-write'),
      'nothing by hand',
    );
    const begun = mark();
    const segments = driver.request({ seed: 2 }).segments;
    const id = queue.driver.add(segments);
    if (id === 'ring-full') throw new Error('there is room');
    const { ring } = queue;
    // Behind the driver side: what the device meets, and not what was laid.
    if (ring instanceof GuestSplitRing) ring.writeDescriptor(id, { len: 0x1234 });
    queue.driver.publish();
    t.same(
      writesTo(port, queue).length,
      port.log
        .events()
        .slice(0, begun)
        .filter(({ kind }) => kind === 'ring-write').length,
    );
    queue.kick();
    const seen = port.log.events().slice(begun);
    t.match(seen[0], { kind: 'note', text: storedByHand(queue.index) });
    const stored = seen.flatMap((event) => (event.kind === 'ring-write' ? [event] : []));
    const descriptors = stored.filter(({ what }) => what === 'descriptor');
    t.ok(descriptors.length >= segments.length, 'its descriptors');
    const lengths = descriptors.map(({ bytes }) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(8, true));
    if (layout === 'packed')
      t.same(
        lengths,
        segments.map(({ length }) => length),
      );
    else {
      t.ok(lengths.includes(0x1234), 'as the case changed it');
      t.same(
        stored.slice(-2).map(({ what }) => what),
        ['available', 'available-idx'],
      );
    }
    const told = mark();
    queue.kick();
    t.notOk(
      port.log
        .events()
        .slice(told)
        .some(({ kind }) => kind === 'ring-write'),
      'once',
    );
  });
}
