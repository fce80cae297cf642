import type { DriverPort, GuestPackedRing, Queue, Session } from '../../../drivers/port/port.ts';
import { readable } from '../../../reference-impl/virtqueue/segment.ts';
import { type CaseContext, defineCase, type VariantAxes } from '../../case.ts';
import { severalRequestQueues } from '../request-queues.ts';
import { secondQueue, spares } from '../ring-beside-broken.ts';
import { NEXT } from './list-flags.ts';
import { usedPlace } from './place.ts';

/** A packed ring with broken contents beside one that is sound. */

const size = 16;

type Context = Pick<CaseContext<string, VariantAxes, Session, GuestPackedRing>, 'guest' | 'session'> & {
  readonly port: DriverPort;
};

/** Shows a list that runs on into a descriptor that is not available. */
function breakRing({ guest, port, session }: Context, queue: Queue<GuestPackedRing>): void {
  const { slot } = usedPlace(queue.driver);
  const piece = (): ReturnType<typeof readable> => readable(guest.allocate({ size: 64 }));
  queue.driver.add([piece(), piece()]);
  queue.ring.setFlags(slot + 1, queue.ring.flags(slot + 1) | NEXT);
  queue.driver.publish();
  queue.kick();
  port.until(() => queue.errors() > 0 || !session.isOpen, 20);
}

export const blockQueues = defineCase({
  id: 'virtio/packed-ring/broken-ring-spares-other-block-queue',
  title: 'a request queue with a list that does not end does not keep the other from being served',
  proves: { 'packed/broken-ring-spares-others': 'packed-broken-ring-stops-device' },
  applies: {
    start: 'negotiated',
    ring: 'packed',
    devices: ['block'],
    offers: ['VIRTIO_BLK_F_MQ'],
    when: [severalRequestQueues],
  },
  unwatched: 'it writes descriptors itself',
  run(context) {
    const { session, driver, ring, requirement } = context;
    const check = requirement('packed/broken-ring-spares-others');
    const sound = secondQueue(() => driver.attach(ring({ size }), { index: 1 }), check);
    if (sound === undefined) return;
    const broken = driver.attach(ring({ size }), { index: 0 });
    driver.warmUp(sound);
    breakRing(context, broken);
    spares(check, session, () => driver.once(sound));
  },
});

export const netQueues = defineCase({
  id: 'virtio/packed-ring/broken-receive-ring-spares-transmit-ring',
  title: 'a receive ring with a list that does not end does not keep transmit buffers from being used',
  proves: { 'packed/broken-ring-spares-others': 'packed-broken-ring-stops-device' },
  applies: { start: 'negotiated', ring: 'packed', devices: ['net'] },
  unwatched: 'it writes descriptors itself',
  run(context) {
    const { session, driver, ring, requirement } = context;
    const sound = driver.attach(ring({ size }));
    const broken = driver.companion(driver.net.facts.receiveIndex);
    const check = requirement('packed/broken-ring-spares-others');
    driver.warmUp(sound);
    breakRing(context, broken);
    for (const seed of [1, 2, 3]) spares(check, session, () => driver.once(sound, { seed }));
  },
});
