import type { VhostMdevSession } from '../../drivers/port/port.ts';
import { guestAddress, ioVirtualAddress } from '../../reference-impl/memory/addresses.ts';
import { changes, changesOutside, snapshot } from '../../reference-impl/memory/snapshot.ts';
import type { Span } from '../../reference-impl/memory/span.ts';
import { defineCase } from '../case.ts';
import { serves } from '../virtio/service.ts';
import { setState, spacesOf } from './ring-messages.ts';

/** Chains whose buffers lie in no memory that was told, in either layout. */

const transports = ['vhost-mdev'] as const;
const page = 0x1000n;

const mapNothing = ({ vfio }: VhostMdevSession, ioVirtualAddress: bigint): number =>
  vfio.mapDma({ ioVirtualAddress, userAddress: 0x5555_0000n, size: page });

export const outside = defineCase({
  id: 'vhost-mdev/buffers-outside/buffers-outside-memory-are-refused',
  title:
    'a buffer where no memory is is not taken for one: nothing else is written, its request is not said to be done',
  proves: { 'vm-memory/buffers-outside-memory-refused': 'mdev-buffer-at-end-of-addresses-crashes' },
  applies: { start: 'closed', transports, memory: 'single-region' },
  run({ port, connect, guest, driverOf, ring, points, requirement }) {
    const check = requirement('vm-memory/buffers-outside-memory-refused');
    const [region] = guest.regions;
    if (region === undefined) return;
    const lastBytes = guestAddress(region.guestAddress + BigInt(region.size) - 16n);
    const places = (start: bigint) => {
      const end = start + BigInt(region.size);
      return {
        zero: 0n,
        'below-memory': start - page,
        'over-start': start - 16n,
        'over-end': end - 16n,
        'at-end': end,
        'far-above': end + 0x1000_0000_0000n,
        'end-of-addresses': 0xffff_ffff_ffff_fff0n,
        wrapping: 0xffff_ffff_ffff_ff00n,
      };
    };
    points(
      Object.keys(places(0n)).map((key) => ({ key: key as keyof ReturnType<typeof places> })),
      ({ key }) => {
        const session = connect('negotiated');
        const driver = driverOf(session);
        const isVirtual = spacesOf(session).buffer === 'io-virtual';
        const place = places(isVirtual ? region.ioVirtualAddress : region.guestAddress)[key];
        // Where a container takes a mapping of no memory, that is no memory either.
        if (key === 'far-above' && isVirtual) mapNothing(session, place);
        const queue = driver.attach(ring({ size: 16 }));
        const writes = driver.writes(queue);
        // Of a buffer that begins in memory a device may write what lies there.
        const buffers: Span[] = key === 'over-end' ? [guest.spanAt(lastBytes, 16)] : [];
        let before = snapshot(guest);
        writes.ask({
          seed: 5,
          // The data of a disk request are moved, and its status stays; of a frame's buffer, all.
          change: (segment) => {
            if (segment.length > 1) {
              return isVirtual
                ? { ...segment, ioVirtualAddress: ioVirtualAddress(place) }
                : { ...segment, guestAddress: guestAddress(place) };
            }
            buffers.push(guest.spanAt(segment.guestAddress, segment.length));
            return segment;
          },
          laidOut: () => {
            before = snapshot(guest);
          },
        });
        session.fence();
        setState(session, 0);
        const others = driver.companions().map(({ ring }) => ring);
        const rings = [queue.ring, ...others].flatMap(({ areas }) => Object.values(areas));
        const elsewhere = changesOutside(changes(before), [...rings, ...buffers]);
        check.unchanged(guest, elsewhere, `memory elsewhere, with a buffer at ${key}`);
        check.equal(writes.saysDone, false, `whether a request with a buffer at ${key} is said to be done`);
        const again = driver.attach(ring({ size: 16 }));
        serves({ port, driver }, check, again, `a request on a fresh ring after a buffer at ${key}`, { seed: 6 });
        session.close();
      },
    );
  },
});
