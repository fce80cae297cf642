import { shortestFrame } from '../../../drivers/devices/net-frames.ts';
import type { Request } from '../../../drivers/devices/request.ts';
import type { Guest } from '../../../drivers/port/port.ts';
import { changes, changesOutside, type MemoryChange, snapshot } from '../../../reference-impl/memory/snapshot.ts';
import type { Span } from '../../../reference-impl/memory/span.ts';
import { defineCase } from '../../case.ts';
import { writtenAreas } from '../../ring-positions.ts';

/** What a device must leave alone, seen by comparison of the guest's memory before and after (virtio 2.7.5 to 2.7.8). */

const requestsEach = 4;

/** The spans of the device-readable and device-writable parts. */
function partsOf(guest: Guest, requests: readonly Request[], writable: boolean): Span[] {
  return requests.flatMap(({ segments }) =>
    segments
      .filter((segment) => segment.writable === writable)
      .map(({ guestAddress, length }) => guest.spanAt(guestAddress, length)),
  );
}

/** The changes that lie within the spans. */
function changesWithin(all: readonly MemoryChange[], spans: readonly Span[]): MemoryChange[] {
  const outside = changesOutside(all, spans);
  const key = ({ region, offset, length }: MemoryChange): string => `${region} ${offset} ${length}`;
  const kept = new Set(outside.map(key));
  return all.filter((change) => !kept.has(key(change)));
}

const cut = { descriptors: 6 };

export const readable = defineCase({
  id: 'virtio/split-ring/readable-buffers-never-written',
  title: 'device-readable buffers hold the same bytes after their chain was used',
  proves: { 'split/readable-buffers-never-written': 'readable-buffer-scribbled' },
  applies: { start: 'negotiated' },
  run({ guest, driver, ring, requirement }) {
    const queue = driver.attach(ring({ size: 64 }));
    const requests = Array.from({ length: requestsEach }, (_, seed) => driver.request({ seed, ...cut }));
    const before = snapshot(guest);
    queue.makeAvailable(requests.map(({ segments }) => segments));
    queue.kickAndWaitForUsed(requests.length);
    queue.stop();
    const found = changesWithin(changes(before), partsOf(guest, requests, false));
    requirement('split/readable-buffers-never-written').unchanged(guest, found, 'device-readable buffers');
  },
});

export const descriptorTable = defineCase({
  id: 'virtio/split-ring/descriptor-table-never-written',
  title: 'the descriptor table is the same after chains were used',
  proves: { 'split/descriptor-table-never-written': 'descriptor-table-scribbled' },
  applies: { start: 'negotiated', ring: 'split' },
  run({ guest, driver, ring, requirement }) {
    const queue = driver.attach(ring({ size: 64 }));
    const requests = Array.from({ length: requestsEach }, (_, seed) => driver.request({ seed, ...cut }));
    queue.makeAvailable(requests.map(({ segments }) => segments));
    const before = snapshot(guest);
    queue.kickAndWaitForUsed(requests.length);
    queue.stop();
    const found = changesWithin(changes(before), [queue.ring.desc]);
    requirement('split/descriptor-table-never-written').unchanged(guest, found, 'descriptor table');
  },
});

export const availRing = defineCase({
  id: 'virtio/split-ring/avail-ring-never-written',
  title: 'the available ring, used_event included, is the same after chains were used',
  proves: { 'split/avail-ring-never-written': 'avail-ring-scribbled' },
  applies: { start: 'negotiated', ring: 'split' },
  run({ guest, driver, ring, requirement }) {
    const queue = driver.attach(ring({ size: 64 }));
    queue.ring.setUsedEvent(0xabcd);
    const requests = Array.from({ length: requestsEach }, (_, seed) => driver.request({ seed, ...cut }));
    queue.makeAvailable(requests.map(({ segments }) => segments));
    const before = snapshot(guest);
    queue.kickAndWaitForUsed(requests.length);
    queue.stop();
    const found = changesWithin(changes(before), [queue.ring.avail]);
    requirement('split/avail-ring-never-written').unchanged(guest, found, 'available ring');
  },
});

export const outsideBuffers = defineCase({
  id: 'virtio/split-ring/nothing-written-outside-buffers',
  title: 'nothing is written but the used rings and the writable buffers of available chains',
  proves: { 'split/nothing-written-outside-buffers': 'byte-behind-buffer-scribbled' },
  applies: { start: 'negotiated' },
  variants: { placement: ['contiguous', 'apart', 'region-end'] },
  run({ guest, driver, ring, variant, requirement }) {
    const queue = driver.attach(ring({ size: 64, placement: variant.placement }));
    const others = driver.companions();
    const request = (seed: number): Request =>
      driver.kind === 'net' ? driver.net.transmit({ seed, ...cut }) : driver.request({ seed, ...cut });
    const requests = Array.from({ length: requestsEach }, (_, seed) => request(seed));
    // A network device writes what it receives: exactly one frame fits into each buffer.
    const smallest = (): Request => driver.net.receiveBuffer(driver.net.headerSize + shortestFrame).request;
    const received = driver.kind === 'net' ? requests.map(smallest) : [];
    for (const other of others) {
      other.makeAvailable(received.map(({ segments }) => segments));
      other.kick();
    }
    queue.makeAvailable(requests.map(({ segments }) => segments));
    const before = snapshot(guest);
    queue.kickAndWaitForUsed(requests.length);
    for (const other of others) other.waitForUsed(received.length);
    queue.stop();
    const usedRings = [queue, ...others].flatMap(({ ring: written }) => writtenAreas(written));
    const allowed = [...usedRings, ...partsOf(guest, [...requests, ...received], true)];
    const found = changesOutside(changes(before), allowed);
    requirement('split/nothing-written-outside-buffers').unchanged(
      guest,
      found,
      'memory beside used rings and buffers',
    );
  },
});
