import t from 'tap';
import { featureSet } from '../../reference-impl/catalogue/catalogue.ts';
import { VIRTIO_NET_F_MRG_RXBUF } from '../../reference-impl/devices/net-layout.ts';
import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import type { FrameObservation } from '../../reference-impl/observations/event.ts';
import { VIRTIO_F_RING_PACKED, VIRTIO_F_VERSION_1 } from '../../reference-impl/virtqueue/feature-bits.ts';
import { ringLayouts } from '../../reference-impl/virtqueue/ring.ts';
import { readable } from '../../reference-impl/virtqueue/segment.ts';
import { openDeviceDriver } from '../devices/device-types.ts';
import { openReference } from '../reference/open-reference.ts';

for (const layout of ringLayouts) {
  for (const mergeable of [0n, VIRTIO_NET_F_MRG_RXBUF]) {
    const name = mergeable === 0n ? 'one buffer' : 'merged buffers';
    t.test(
      `${layout}, ${name}: frames that go out and come back are in the log, whole and without their header`,
      (t) => {
        const port = openReference({ device: 'net' });
        t.teardown(() => port.close());
        const opened = port.connect();
        if (opened.kind === 'refused') throw new Error(opened.why);
        const { session } = opened;
        const packed = layout === 'packed' ? VIRTIO_F_RING_PACKED : 0n;
        session.negotiate(featureSet({ device: VIRTIO_F_VERSION_1 | mergeable | packed }));
        const guest = port.createGuest(guestLayouts['below-and-above-4gib']);
        session.shareMemory(guest);
        const driver = openDeviceDriver({ session, facts: port.facts.workload, guest: () => guest });
        const { net } = driver;
        const transmit = driver.attach(guest.ring({ layout, size: 16 }));
        const receive = driver.companion(0);
        const frame = net.frame(300, 7);
        port.log.restart();
        const size = mergeable === 0n ? 400 : 128;
        const buffers = Array.from({ length: mergeable === 0n ? 1 : 4 }, () => net.bufferOf(size));
        receive.makeAvailable(buffers.map(({ request }) => request.segments));
        receive.kick();
        transmit.makeAvailable([net.transmitFrame(frame).segments]);
        transmit.kick();
        transmit.waitForUsed(1);
        receive.waitForUsed(mergeable === 0n ? 1 : 3);
        const seen = port.log
          .events()
          .filter((event): event is typeof event & FrameObservation => event.kind === 'frame');
        t.same(
          seen.map(({ direction, index, length, header }) => [direction, index, length, header.length]),
          [
            ['to-iut', transmit.index, 300, 12],
            ['from-iut', receive.index, 300, 12],
          ],
        );
        t.same([...(seen[0]?.bytes ?? [])], [...frame]);
        t.same([...(seen[1]?.bytes ?? [])], [...net.returned(frame)]);

        port.log.restart();
        const span = guest.allocate({ size: 8 });
        const nowhere = {
          ...readable(span),
          guestAddress: (span.guestAddress ^ (1n << 60n)) as typeof span.guestAddress,
        };
        transmit.makeAvailable([[readable(span)], [nowhere]]);
        t.notOk(
          port.log.events().some(({ kind }) => kind === 'frame'),
          'no frame shorter than its header, none of memory that is not there',
        );
        t.end();
      },
    );
  }

  t.test(`${layout}: an indirect table is in the log before the descriptor that leads to it`, (t) => {
    const port = openReference({ device: 'net' });
    t.teardown(() => port.close());
    const opened = port.connect();
    if (opened.kind === 'refused') throw new Error(opened.why);
    const { session } = opened;
    const packed = layout === 'packed' ? VIRTIO_F_RING_PACKED : 0n;
    session.negotiate(featureSet({ device: VIRTIO_F_VERSION_1 | packed | (1n << 28n) }));
    const guest = port.createGuest(guestLayouts['below-and-above-4gib']);
    session.shareMemory(guest);
    const driver = openDeviceDriver({ session, facts: port.facts.workload, guest: () => guest });
    const transmit = driver.attach(guest.ring({ layout, size: 16 }), { indirect: true });
    const { segments } = driver.net.transmit({ descriptors: 3 });
    port.log.restart();
    transmit.makeAvailable([segments], { indirect: 'all' });
    const events = port.log.events();
    const at = events.findIndex(({ kind }) => kind === 'indirect-table');
    const [table, descriptor] = [events[at], events[at + 1]];
    if (table?.kind !== 'indirect-table' || descriptor?.kind !== 'ring-write')
      throw new Error('no table, no descriptor');
    t.equal(table.index, transmit.index);
    t.equal(table.bytes.length, 16 * segments.length);
    t.equal(Buffer.from(descriptor.bytes).readUInt32LE(8), table.bytes.length, 'as long as its descriptor says');
    t.same(
      segments.map((_, n) => Buffer.from(table.bytes).readUInt32LE(16 * n + 8)),
      segments.map(({ length }) => length),
    );
    t.end();
  });
}
