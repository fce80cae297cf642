import { availableBits, usedBits } from '../../../reference-impl/virtqueue/packed/layout.ts';
import { defineCase } from '../../case.ts';
import { listFlags } from './list-flags.ts';
import { markBits, placeAfter, usedPlace } from './place.ts';
import { descriptorsOf, flagsOf, stops } from './ring-snapshot.ts';

/** What the device writes into a used descriptor, and where (virtio 2.8.1 to 2.8.6). */

const WRITE = 2;
/** Lists of several lengths alternate. */
const shapes = [{}, { descriptors: 4 }, { descriptors: 5 }];

export const id = defineCase({
  id: 'virtio/packed-ring/used-id-is-buffer-id',
  title: 'the id of a used descriptor is the buffer id in the last descriptor of the list, whatever the others hold',
  proves: { 'packed/used-id-is-buffer-id': 'packed-used-id-from-first-descriptor' },
  applies: { start: 'negotiated', ring: 'packed' },
  variants: { others: ['as-the-driver-writes-them', 'another-id'] },
  run({ driver, ring, variant, requirement }) {
    const size = 32;
    const queue = driver.attach(ring({ size }));
    let place = usedPlace(queue.driver);
    const check = requirement('packed/used-id-is-buffer-id');
    for (const seed of [1, 2, 3, 4, 5, 6]) {
      const { segments } = driver.request({ seed, descriptors: 5 });
      const added = queue.driver.add(segments);
      if (variant.others === 'another-id') {
        for (let at = 0; at < segments.length - 1; at++) {
          queue.ring.writeDescriptor(placeAfter(place, at, size).slot, { id: 0x7e00 + at });
        }
      }
      queue.driver.publish();
      const [used] = queue.kickAndWaitForUsed(1);
      if (!check.equal(used?.id, Number(added), `id of used descriptor ${seed}`)) return;
      place = placeAfter(place, segments.length, size);
    }
  },
});

export const bits = defineCase({
  id: 'virtio/packed-ring/used-bits-equal-wrap-counter',
  title: 'AVAIL and USED of a used descriptor both equal the wrap counter, lap after lap',
  proves: { 'packed/used-bits-equal-wrap-counter': 'packed-used-bits-differ' },
  applies: { start: 'negotiated', ring: 'packed' },
  run({ driver, port, ring, requirement }) {
    const size = 7;
    const queue = driver.attach(ring({ size }));
    const check = requirement('packed/used-bits-equal-wrap-counter');
    let place = usedPlace(queue.driver);
    for (let n = 0; n < 20; n++) {
      const { segments } = driver.request({ seed: n, ...shapes[n % 3] });
      const before = queue.ring.flags(place.slot);
      queue.makeAvailable([segments]);
      queue.kick();
      // Not by the driver side: it takes for used only what has both bits right.
      const { slot, wrap } = place;
      const bits = (): number => queue.ring.flags(slot) & markBits;
      port.until(() => bits() !== availableBits(wrap), port.deadlineMs);
      const what = `AVAIL and USED bits in slot ${slot}, flags ${before} before the list`;
      if (!check.equal(bits(), usedBits(wrap), what)) return;
      queue.waitForUsed(1);
      place = placeAfter(place, segments.length, size);
    }
  },
});

export const position = defineCase({
  id: 'virtio/packed-ring/used-descriptor-position',
  title: 'a used descriptor lies as many slots behind the one before it as the list before it has descriptors',
  proves: { 'packed/used-descriptor-position': 'packed-used-descriptor-one-slot-early' },
  applies: { start: 'negotiated', ring: 'packed' },
  variants: { queueSize: [7, 16] },
  run({ driver, port, ring, variant, requirement }) {
    const size = variant.queueSize;
    const queue = driver.attach(ring({ size }));
    const check = requirement('packed/used-descriptor-position');
    let place = usedPlace(queue.driver);
    for (let n = 0; n < 12; n++) {
      const { segments } = driver.request({ seed: n, ...shapes[n % 3] });
      queue.driver.add(segments);
      // A device that polls uses the list as soon as its first descriptor is available.
      const before = flagsOf(queue.ring).with(place.slot, listFlags(segments, 0, place.wrap));
      queue.driver.publish();
      queue.kick();
      const changed = (): number[] => flagsOf(queue.ring).flatMap((flags, at) => (flags === before[at] ? [] : [at]));
      port.until(() => changed().length > 0, port.deadlineMs);
      if (!check.sameSequence(changed(), [place.slot], `slots whose flags changed for list ${n}`)) return;
      queue.waitForUsed(1);
      place = placeAfter(place, segments.length, size);
    }
  },
});

export const onePerList = defineCase({
  id: 'virtio/packed-ring/one-used-descriptor-per-list',
  title: 'of the descriptors of a list one becomes used, and the others stay as the driver wrote them',
  proves: { 'packed/one-used-descriptor-per-list': 'packed-used-descriptor-for-each' },
  // Where buffers are used in order, one used descriptor may stand for several lists.
  applies: { start: 'negotiated', ring: 'packed', without: ['VIRTIO_F_IN_ORDER'] },
  run({ driver, ring, requirement }) {
    const size = 32;
    const queue = driver.attach(ring({ size }));
    const check = requirement('packed/one-used-descriptor-per-list');
    const requests = [1, 2, 3].map((seed) => driver.request({ seed, descriptors: 6 }));
    for (const { segments } of requests) queue.driver.add(segments);
    // A device that polls uses the lists as soon as the first descriptor of the first is available.
    const before = descriptorsOf(queue.ring);
    queue.driver.publish();
    queue.kickAndWaitForUsed(requests.length);
    if (!stops(check, queue)) return;
    const first = new Set<number>();
    let slot = 0;
    for (const { segments } of requests) {
      first.add(slot);
      slot += segments.length;
    }
    const changed = descriptorsOf(queue.ring).flatMap((now, at) => (now === before[at] ? [] : [at]));
    check.sameSequence(changed, [...first], 'slots that changed');
  },
});

export const writeFlag = defineCase({
  id: 'virtio/packed-ring/used-write-flag-tells-of-data',
  title: 'the WRITE flag of a used descriptor is set exactly when the device wrote into the buffer',
  proves: { 'packed/used-write-flag-tells-of-data': ['packed-used-write-flag-always', 'packed-used-write-flag-lost'] },
  applies: { start: 'negotiated', ring: 'packed' },
  variants: { writableCut: [0, 100] },
  run({ driver, ring, variant, requirement }) {
    const size = 16;
    const queue = driver.attach(ring({ size }));
    const check = requirement('packed/used-write-flag-tells-of-data');
    let place = usedPlace(queue.driver);
    for (const seed of [1, 2, 3, 4, 5, 6]) {
      const request = driver.request({ seed, descriptors: variant.writableCut === 0 ? 4 : 5 });
      queue.makeAvailable([request.segments]);
      queue.kickAndWaitForUsed(1);
      const flag = queue.ring.flags(place.slot) & WRITE;
      const { most } = request.writes;
      check.equal(flag, most > 0 ? WRITE : 0, `WRITE flag where at most ${most} bytes are written`);
      place = placeAfter(place, request.segments.length, size);
    }
  },
});

export const writeFlagOfReceived = defineCase({
  id: 'virtio/packed-ring/used-write-flag-of-received-frames',
  title: 'a received frame leaves a used descriptor with the WRITE flag, a transmitted one without',
  proves: { 'packed/used-write-flag-tells-of-data': 'packed-used-write-flag-always' },
  applies: { start: 'negotiated', ring: 'packed', devices: ['net'] },
  run({ driver, ring, requirement }) {
    const queue = driver.attach(ring({ size: 16 }));
    const check = requirement('packed/used-write-flag-tells-of-data');
    const received = driver.companion(driver.net.facts.receiveIndex);
    const [sent, got] = [usedPlace(queue.driver), usedPlace(received.driver)];
    received.makeAvailable([driver.net.receiveBuffer(2048).request.segments]);
    received.kick();
    queue.makeAvailable([driver.net.transmit().segments]);
    queue.kickAndWaitForUsed(1);
    received.waitForUsed(1);
    check.equal(queue.ring.flags(sent.slot) & WRITE, 0, 'WRITE flag in the transmit ring');
    check.equal(received.ring.flags(got.slot) & WRITE, WRITE, 'WRITE flag in the receive ring');
  },
});

export const writeFlagOfTable = defineCase({
  id: 'virtio/packed-ring/used-write-flag-behind-that-of-a-table',
  title:
    'a frame that is sent in an indirect table leaves a used descriptor without the WRITE flag, whether or not the driver set it',
  proves: { 'packed/used-write-flag-tells-of-data': 'packed-used-write-flag-of-table-kept' },
  applies: { start: 'negotiated', ring: 'packed', devices: ['net'], negotiate: ['VIRTIO_F_INDIRECT_DESC'] },
  run({ driver, ring, requirement }) {
    const size = 16;
    const queue = driver.attach(ring({ size }), { indirect: true });
    const check = requirement('packed/used-write-flag-tells-of-data');
    let place = usedPlace(queue.driver);
    for (const tableFlags of [WRITE, 0, WRITE, WRITE]) {
      queue.driver.add(driver.net.transmit().segments, { indirect: 'all', tableFlags });
      queue.driver.publish();
      queue.kickAndWaitForUsed(1);
      check.equal(queue.ring.flags(place.slot) & WRITE, 0, `WRITE flag where that of the table was ${tableFlags}`);
      place = placeAfter(place, 1, size);
    }
  },
});

export const listOrder = defineCase({
  id: 'virtio/packed-ring/elements-used-in-list-order',
  title: 'what a list refers to is used in the order of its descriptors, lap after lap',
  proves: { 'packed/chain-used-in-list-order': 'packed-list-elements-swapped' },
  applies: { start: 'negotiated', ring: 'packed' },
  run({ driver, ring, requirement }) {
    const queue = driver.attach(ring({ size: 13 }));
    const check = requirement('packed/chain-used-in-list-order');
    for (let seed = 0; seed < 8; seed++) {
      const problem = driver.transfer(queue, { seed, descriptors: 6 });
      if (!check.equal(problem, undefined, `what is wrong with transfer ${seed}`)) return;
    }
  },
});
