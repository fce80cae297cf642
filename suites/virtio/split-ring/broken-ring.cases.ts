import type { DriverPort, GuestSplitRing, Queue, Session } from '../../../drivers/port/port.ts';
import { defineCase } from '../../case.ts';
import { severalRequestQueues } from '../request-queues.ts';
import { secondQueue, spares } from '../ring-beside-broken.ts';

/** A ring with broken contents beside one that is sound. */

const size = 16;

/** Shows a head that does not exist. */
function breakRing(port: DriverPort, session: Session, queue: Queue<GuestSplitRing>): void {
  queue.driver.addHead(queue.ring.size + 5);
  queue.driver.publish();
  queue.kick();
  port.until(() => queue.errors() > 0 || !session.isOpen, 20);
}

export const blockQueues = defineCase({
  id: 'virtio/split-ring/broken-ring-spares-other-block-queue',
  title: 'a request queue with a head out of range does not keep the other from being served',
  proves: { 'split/broken-ring-spares-others': 'broken-ring-stops-device' },
  applies: {
    start: 'negotiated',
    devices: ['block'],
    offers: ['VIRTIO_BLK_F_MQ'],
    when: [severalRequestQueues],
    ring: 'split',
  },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('split/broken-ring-spares-others');
    const sound = secondQueue(() => driver.attach(ring({ size }), { index: 1 }), check);
    if (sound === undefined) return;
    const broken = driver.attach(ring({ size }), { index: 0 });
    driver.warmUp(sound);
    breakRing(port, session, broken);
    spares(check, session, () => driver.once(sound));
  },
});

export const netQueues = defineCase({
  id: 'virtio/split-ring/broken-receive-ring-spares-transmit-ring',
  title: 'a receive ring with a head out of range does not keep transmit buffers from being used',
  proves: { 'split/broken-ring-spares-others': 'broken-ring-stops-device' },
  applies: { start: 'negotiated', devices: ['net'], ring: 'split' },
  run({ port, session, driver, ring, requirement }) {
    const sound = driver.attach(ring({ size }));
    const broken = driver.companion(driver.net.facts.receiveIndex);
    const check = requirement('split/broken-ring-spares-others');
    driver.warmUp(sound);
    breakRing(port, session, broken);
    for (const seed of [1, 2, 3]) spares(check, session, () => driver.once(sound, { seed }));
  },
});
