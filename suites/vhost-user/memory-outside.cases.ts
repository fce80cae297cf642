import { seenWithinMs } from '../../judging/deadline.ts';
import { guestAddress } from '../../reference-impl/memory/addresses.ts';
import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import { changes, changesOutside, snapshot } from '../../reference-impl/memory/snapshot.ts';
import type { Span } from '../../reference-impl/memory/span.ts';
import { defineCase } from '../case.ts';
import { writtenBefore } from '../premise.ts';
import { acknowledgedTables, descriptorsOf, fieldsOf, setMemTable, tableOf } from './memory-table.ts';
import { stillServes } from './refusal.ts';

/** Buffers where there is no memory: outside every region, or in a region that its file does not hold. */

const page = 4096n;

export const pastEndOfFile = defineCase({
  id: 'vhost-user/memory-limits/regions-past-the-end-of-their-file-are-survived',
  title: 'a region that is larger than its file is refused, or a buffer past the end does no harm',
  proves: { 'vu-memory/region-past-end-of-file-survived': 'region-past-end-of-file-crashes' },
  applies: acknowledgedTables,
  run({ port, connect, driverOf, ring, points, requirement }) {
    const check = requirement('vu-memory/region-past-end-of-file-survived');
    const guest = port.createGuest(guestLayouts['single-region']);
    const all = [0, 4096, 8192].map((bytes) => ({ key: `file-of-${bytes}-bytes`, bytes }));
    points(all, ({ key, bytes }) => {
      const session = connect('negotiated');
      const file = port.descriptors.memoryFile(bytes);
      const short = { guestAddress: 0x10_0000n, size: 0x10_0000n, userAddress: 0x10_0000n, mmapOffset: 0n };
      // Below the guest's memory, as a front-end sorts them.
      const table = setMemTable([short, ...guest.regions.map(fieldsOf)], [file, ...descriptorsOf(port, guest.regions)]);
      const mark = guest.mark();
      const vring = ring({ guest, size: 16 });
      const answer = session.messages.acknowledged(table);
      if (answer.kind === 'died' || answer.kind === 'silent') {
        check.failsBy(answer, key, 'an answer');
      } else if (answer.kind === 'done' && session.messages.fence().kind === 'reply') {
        const driver = driverOf(session, guest);
        const queue = driver.attach(vring);
        const writes = driver.writes(queue);
        writtenBefore(port, check, writes);
        const past = guestAddress(short.guestAddress + short.size / 2n);
        writes.ask({ change: (segment) => ({ ...segment, guestAddress: past }) });
        // A frame takes a while to come back.
        port.until(() => writes.saysDone, seenWithinMs(port));
        writes.stopAll();
      }
      guest.release(mark);
      stillServes(port, session, check, `service after a region past the end of a ${key}`);
      session.close();
      port.descriptors.close(file);
    });
  },
});

export const unmappable = defineCase({
  id: 'vhost-user/memory-limits/regions-that-no-process-can-map-are-survived',
  title:
    'a region nearly as large as the addresses of a process is refused or survived, and so is the end of its session',
  proves: { 'vu-memory/region-past-end-of-file-survived': 'unmappable-region-crashes' },
  applies: { ...acknowledgedTables, ring: 'none' },
  run({ port, connect, points, requirement }) {
    const check = requirement('vu-memory/region-past-end-of-file-survived');
    const guest = port.createGuest(guestLayouts['single-region']);
    const right = guest.regions.map(fieldsOf);
    const [file = 0] = descriptorsOf(port, guest.regions);
    // Beside all memory of the guest.
    const odd = { guestAddress: 1n << 50n, userAddress: 1n << 63n, size: page, mmapOffset: 0n };
    const all = [
      { key: 'size=0x7e0000000000', region: { ...odd, size: 0x7e00_0000_0000n } },
      { key: 'size=2^47-2^16', region: { ...odd, size: (1n << 47n) - (1n << 16n) } },
      { key: 'offset=0x7e0000000000', region: { ...odd, mmapOffset: 0x7e00_0000_0000n } },
    ];
    points(all, ({ key, region }) => {
      const session = connect('negotiated');
      const answer = session.messages.acknowledged(setMemTable([...right, region], [file, file]));
      if (answer.kind === 'died' || answer.kind === 'silent') check.failsBy(answer, key, 'an answer');
      // What was mapped is given back at the end of the session.
      session.close();
      stillServes(port, session, check, `service behind a session with a region of ${key}`);
    });
  },
});

export const outsideRegions = defineCase({
  id: 'vhost-user/memory-limits/buffers-outside-memory-are-refused',
  title: 'a buffer outside the memory is not taken for one: nothing else is written, and the request does not succeed',
  proves: { 'vu-memory/buffers-outside-regions-refused': 'buffers-outside-regions-completed' },
  applies: acknowledgedTables,
  run({ port, connect, driverOf, ring, points, requirement }) {
    const check = requirement('vu-memory/buffers-outside-regions-refused');
    const guest = port.createGuest(guestLayouts['single-region']);
    const { regions } = guest;
    const first = regions[0]?.guestAddress ?? 0n;
    const end = first + BigInt(regions[0]?.size ?? 0);
    const places = {
      zero: 0n,
      'below-region': first - page,
      'over-region-start': first - 16n,
      'over-region-end': end - 16n,
      'at-region-end': end,
      'far-above': end + 0x1000_0000_0000n,
      'end-of-addresses': 0xffff_ffff_ffff_fff0n,
      wrapping: 0xffff_ffff_ffff_ff00n,
    };
    points(
      Object.entries(places).map(([key, place]) => ({ key, place })),
      ({ key, place }) => {
        const session = connect('negotiated');
        check.granted(session.messages.acknowledged(tableOf(port, guest)), 'the memory table');
        const mark = guest.mark();
        const driver = driverOf(session, guest);
        const queue = driver.attach(ring({ guest, size: 16 }));
        const writes = driver.writes(queue);
        writtenBefore(port, check, writes);
        let before = snapshot(guest);
        const buffers: Span[] = [];
        writes.ask({
          seed: 5,
          // The data of a disk request are moved, and its status stays; of a frame's buffer, all.
          change: (segment) => {
            if (segment.length > 1) return { ...segment, guestAddress: guestAddress(place) };
            buffers.push(guest.spanAt(segment.guestAddress, segment.length));
            return segment;
          },
          laidOut: () => {
            before = snapshot(guest);
          },
        });
        if (session.isOpen) session.messages.fence();
        writes.stopAll();
        const others = driver.companions().map(({ ring: other }) => other);
        const rings = [queue.ring, ...others].flatMap(({ areas }) => Object.values(areas));
        const elsewhere = changesOutside(changes(before), [...rings, ...buffers]);
        check.unchanged(guest, elsewhere, `memory elsewhere, with a buffer at ${key}`);
        check.equal(writes.saysDone, false, `whether a request with a buffer at ${key} is said to be done`);
        stillServes(port, session, check, `service after a buffer at ${key}`);
        session.close();
        guest.release(mark);
      },
    );
  },
});
