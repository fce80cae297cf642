import { isUsedIn } from '../../../reference-impl/virtqueue/packed/layout.ts';
import { defineCase } from '../../case.ts';
import { listFlags, WRITE } from './list-flags.ts';
import { type Place, placesOf, usedPlace } from './place.ts';
import { stops } from './ring-snapshot.ts';

/** In which order descriptors are taken up and used, and when they are complete (virtio 2.8.8, 2.8.12, 2.8.15). */

const negotiate = ['VIRTIO_NET_F_MRG_RXBUF'] as const;
/** Where buffers are used in order, one used descriptor may stand for several. */
const without = ['VIRTIO_F_IN_ORDER'] as const;

export const ringOrder = defineCase({
  id: 'virtio/packed-ring/descriptors-taken-in-ring-order',
  title: 'lists behind one that is not available yet wait for it, and then all are used',
  proves: { 'packed/descriptors-taken-in-ring-order': 'packed-unavailable-descriptor-skipped' },
  applies: { start: 'negotiated', ring: 'packed' },
  run({ driver, session, port, ring, requirement }) {
    const size = 16;
    const queue = driver.attach(ring({ size }), { kicks: 'always' });
    const check = requirement('packed/descriptors-taken-in-ring-order');
    const lists = [1, 2, 3].map((seed) => driver.request({ seed }).segments);
    const lengths = lists.map(({ length }) => length);
    const places = placesOf(usedPlace(queue.driver), lengths, size);
    for (const segments of lists) queue.driver.add(segments);
    // As for a batch: what comes first in the ring is made available last (virtio 2.8.21.1).
    for (const n of [2, 1]) {
      const { slot, wrap } = places[n] as Place;
      queue.ring.setFlags(slot, listFlags(lists[n] ?? [], 0, wrap));
    }
    queue.kick();
    port.until(() => false, 5);
    session.fence();
    const early = places.filter(({ slot, wrap }) => isUsedIn(queue.ring.flags(slot), wrap));
    check.sameSequence(
      early.map(({ slot }) => slot),
      [],
      'slots that are used while the first list is not available',
    );
    queue.driver.publish();
    const used = queue.kickAndWaitForUsed(lists.length);
    check.equal(used.length, lists.length, 'used descriptors once it is available');
  },
});

export const usedInOrderOfPlaces = defineCase({
  id: 'virtio/packed-ring/used-descriptors-in-ring-order',
  title: 'used descriptors of many lists fill one place behind the other, none left out, lap after lap',
  proves: { 'packed/used-written-in-ring-order': 'packed-used-place-left-out' },
  applies: { start: 'negotiated', ring: 'packed', without },
  variants: { queueSize: [24, 25] },
  run({ driver, port, ring, variant, requirement }) {
    const size = variant.queueSize;
    const queue = driver.attach(ring({ size }));
    const check = requirement('packed/used-written-in-ring-order');
    for (let round = 0; round < 6; round++) {
      const lists = Array.from(
        { length: 4 },
        (_, n) => driver.request({ seed: 4 * round + n, descriptors: 4 }).segments,
      );
      const length = lists[0]?.length ?? 0;
      // Lists of one length: wherever a device completes first, the places are the same.
      const places = placesOf(
        usedPlace(queue.driver),
        lists.map(() => length),
        size,
      );
      queue.makeAvailable(lists);
      queue.kick();
      const missing = (): number[] =>
        places.filter(({ slot, wrap }) => !isUsedIn(queue.ring.flags(slot), wrap)).map(({ slot }) => slot);
      port.until(() => missing().length === 0, port.deadlineMs);
      if (!check.sameSequence(missing(), [], `slots without a used descriptor in round ${round}`)) return;
      queue.waitForUsed(lists.length);
    }
  },
});

/** In the first descriptor of a list, whose id is in the last one. */
const idOfFirst = 0x7fff;

export const leftAlone = defineCase({
  id: 'virtio/packed-ring/used-descriptor-is-left-alone',
  title: 'whenever the bits of a descriptor say used, id and len are there, and do not change any more',
  proves: { 'packed/used-descriptor-left-alone': ['packed-used-bits-before-id', 'packed-used-descriptor-rewritten'] },
  applies: { start: 'negotiated', ring: 'packed' },
  run({ driver, port, ring, requirement }) {
    const size = 128;
    const queue = driver.attach(ring({ size }));
    const check = requirement('packed/used-descriptor-left-alone');
    const seen: { slot: number; id: number; len: number; flags: number }[] = [];
    for (let round = 0; round < 16; round++) {
      const { slot, wrap } = usedPlace(queue.driver);
      const { segments, writes } = driver.request({ seed: round, descriptors: 6 });
      const id = queue.driver.add(segments);
      // A list has its id in the last descriptor: this one is the device's to write.
      queue.ring.writeDescriptor(slot, { id: idOfFirst });
      const before = queue.ring.readDescriptor(slot);
      queue.driver.publish();
      queue.kick();
      const isUsed = (): boolean => isUsedIn(queue.ring.flags(slot), wrap);
      // Looks as early as it can, by itself, before it leaves the processor for the call.
      for (let n = 0; n < 2000 && !isUsed(); n++);
      if (!isUsed()) port.until(isUsed, port.deadlineMs);
      const { id: usedId, len, flags } = queue.ring.readDescriptor(slot);
      // Where len was written, and the id is that of the first, it is not late but another one.
      const isOfFirst = usedId === idOfFirst && len !== before.len && queue.ring.readDescriptor(slot).id === idOfFirst;
      check.presumes(!isOfFirst, 'a list comes back with the id of its last descriptor');
      if (!check.equal(usedId, Number(id), `id in round ${round} when the bits say used`)) return;
      const isRight = (flags & WRITE) === 0 || (len >= writes.least && len <= writes.most);
      if (!check.equal(isRight, true, `whether len, ${len}, counts what was written, in round ${round}`)) return;
      seen.push({ slot, id: usedId, len, flags });
      queue.waitForUsed(1);
    }
    if (!stops(check, queue)) return;
    const changed = seen.filter(({ slot, id, len, flags }) => {
      const now = queue.ring.readDescriptor(slot);
      return now.id !== id || now.len !== len || now.flags !== flags;
    });
    const slots = changed.map(({ slot }) => slot);
    check.sameSequence(slots, [], 'slots that changed after they were used');
  },
});

export const inOrderBatch = defineCase({
  id: 'virtio/packed-ring/in-order-batch-by-last-id',
  title:
    'with IN_ORDER a used descriptor stands for all lists up to the one whose id it has, and the next lies behind those',
  proves: {
    'packed/in-order-batch-by-last-id': 'packed-in-order-batch-not-skipped',
  },
  applies: { start: 'negotiated', ring: 'packed', negotiate: ['VIRTIO_F_IN_ORDER'] },
  variants: { lists: [2, 5] },
  run({ driver, port, ring, variant, requirement }) {
    const size = 33;
    const queue = driver.attach(ring({ size }));
    const check = requirement('packed/in-order-batch-by-last-id');
    for (let round = 0; round < 8; round++) {
      const lists = Array.from({ length: variant.lists }, (_, n) => driver.request({ seed: 8 * round + n }).segments);
      const lengths = lists.map(({ length }) => length);
      const places = placesOf(usedPlace(queue.driver), lengths, size);
      const ids = queue.makeAvailable(lists);
      queue.kick();
      /** Lists that the used descriptors account for; an id that none of those to come has ends the count. */
      const covered = (): number => {
        let at = 0;
        for (let place = places[0]; place !== undefined && at < lists.length; place = places[at]) {
          const { flags, id } = queue.ring.readDescriptor(place.slot);
          if (!isUsedIn(flags, place.wrap)) return at;
          const last = ids.indexOf(id, at);
          if (last < 0) return at;
          at = last + 1;
        }
        return at;
      };
      port.until(() => covered() === lists.length, port.deadlineMs);
      if (!check.equal(covered(), lists.length, `lists that used descriptors account for in round ${round}`)) return;
      queue.waitForUsed(lists.length);
    }
  },
});

export const firstBufferLast = defineCase({
  id: 'virtio/packed-ring/first-buffer-of-packet-is-used-last',
  title: 'when the first buffer of a packet is used, so are all others of the packet',
  proves: { 'packed/first-buffer-of-request-used-last': 'packed-first-buffer-used-first' },
  applies: { start: 'negotiated', ring: 'packed', devices: ['net'], negotiate, without },
  run({ driver, port, ring, requirement }) {
    const size = 64;
    const count = 5;
    const transmit = driver.attach(ring({ size }));
    const receive = driver.companion(driver.net.facts.receiveIndex);
    const check = requirement('packed/first-buffer-of-request-used-last');
    for (let round = 0; round < 6; round++) {
      const buffers = Array.from({ length: count }, () => driver.net.receiveBuffer(128).request.segments);
      const places = placesOf(
        usedPlace(receive.driver),
        buffers.map(() => 1),
        receive.ring.size,
      );
      receive.makeAvailable(buffers);
      receive.kick();
      const isUsed = ({ slot, wrap }: Place): boolean => isUsedIn(receive.ring.flags(slot), wrap);
      const [first, ...others] = places as [Place, ...Place[]];
      transmit.makeAvailable([driver.net.transmitFrame(driver.net.frame(600, round)).segments]);
      transmit.kick();
      // Looks at once and often, before it leaves the processor for the call.
      for (let n = 0; n < 2000 && !isUsed(first); n++);
      if (!isUsed(first)) port.until(() => isUsed(first), port.deadlineMs);
      const missing = others.filter((place) => !isUsed(place)).map(({ slot }) => slot);
      if (!check.sameSequence(missing, [], `in round ${round}, slots not used where the first is`)) return;
      receive.waitForUsed(count);
      transmit.waitForUsed(1);
    }
  },
});
