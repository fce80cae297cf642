import type { Guest, VhostNetSession } from '../../drivers/port/port.ts';
import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import type { VhostMemoryRegion } from '../../reference-impl/wire/vhost-net-structures.ts';
import { defineCase } from '../case.ts';
import { refusesCall } from '../vhost-kernel/refusal.ts';

/** Memory tables that are refused, each beside one without the flaw. */

const applies = { start: 'closed', transports: ['vhost-kernel'], ring: 'none' } as const;
const page = 4096n;

/** The regions of a table: the first page of a guest, at this place, with this size. */
function pageOf(guest: Guest, place: Partial<VhostMemoryRegion> = {}): VhostMemoryRegion {
  const [region] = guest.regions as [Guest['regions'][number]];
  return { guestAddress: region.guestAddress, userAddress: region.userAddress, size: page, ...place };
}

const guestOf = ({
  port,
}: {
  readonly port: { createGuest(layout: (typeof guestLayouts)['single-region']): Guest };
}): Guest => port.createGuest(guestLayouts['single-region']);

export const padding = defineCase({
  id: 'vhost-net/memory/padding-is-refused',
  title: 'a memory table whose padding is not 0 fails with EOPNOTSUPP',
  proves: { 'vk-memory/padding-refused': 'vhost-net-padding-is-taken' },
  applies,
  run(context) {
    const check = context.requirement('vk-memory/padding-refused');
    const points = [1, 0x8000_0000, 0xffff_ffff].map((value) => ({ key: `padding=0x${value.toString(16)}`, value }));
    context.points(points, ({ key, value }) => {
      const guest = guestOf(context);
      refusesCall(context, check, {
        what: `a memory table, ${key}`,
        start: 'prepared',
        flawed: ({ calls }) => calls.setMemory([pageOf(guest)], { padding: value }),
        control: ({ calls }) => calls.setMemory([pageOf(guest)]),
        controlName: 'a memory table, padding=0',
        errors: ['EOPNOTSUPP'],
      });
    });
  },
});

/** Regions of a table, unless the parameter max_mem_regions says otherwise. */
const mostRegions = 64;

/** So many regions of one page, side by side, all of them the first page of the guest. */
const pagesOf = (guest: Guest, count: number): VhostMemoryRegion[] => {
  const { guestAddress, ...first } = pageOf(guest);
  return Array.from({ length: count }, (_, n) => ({ ...first, guestAddress: guestAddress + BigInt(n) * page }));
};

export const tooMany = defineCase({
  id: 'vhost-net/memory/too-many-regions-are-refused',
  title: 'a memory table of 64 regions is taken, and one of more fails with E2BIG',
  proves: { 'vk-memory/too-many-regions-refused': 'vhost-net-one-region-more-is-taken' },
  applies,
  run(context) {
    const check = context.requirement('vk-memory/too-many-regions-refused');
    const refuses = (key: string, flawed: (session: VhostNetSession, guest: Guest) => number): void => {
      const guest = guestOf(context);
      refusesCall(context, check, {
        what: key,
        start: 'prepared',
        flawed: (session) => flawed(session, guest),
        control: ({ calls }) => calls.setMemory(pagesOf(guest, mostRegions)),
        controlName: `${mostRegions} regions`,
        errors: ['E2BIG'],
      });
    };
    const points = [
      { key: '65 regions', count: mostRegions + 1, told: mostRegions + 1 },
      { key: '2 regions that are told as 65', count: 2, told: mostRegions + 1 },
      { key: '2 regions that are told as 4294967295', count: 2, told: 0xffff_ffff },
    ];
    context.points(points, ({ key, count, told }) =>
      refuses(key, ({ calls }, guest) => calls.setMemory(pagesOf(guest, count), { count: told })),
    );
  },
});

export const emptyOrOverflowing = defineCase({
  id: 'vhost-net/memory/empty-and-overflowing-regions-are-refused',
  title: 'a region of no bytes, or one that goes on behind the last guest-physical address, fails with EFAULT',
  proves: {
    'vk-memory/empty-or-overflowing-region-refused': [
      'vhost-net-empty-regions-are-taken',
      'vhost-net-overflowing-regions-are-taken',
    ],
  },
  applies,
  run(context) {
    const check = context.requirement('vk-memory/empty-or-overflowing-region-refused');
    const places: Readonly<Record<string, Partial<VhostMemoryRegion>>> = {
      'no bytes': { size: 0n },
      'one page and an address that has half of it': { guestAddress: 2n ** 64n - page / 2n },
      'all bytes but one, from the second page on': { guestAddress: page, size: 2n ** 64n - 1n },
    };
    const points = Object.entries(places).map(([key, place]) => ({ key, place }));
    context.points(points, ({ key, place }) => {
      const guest = guestOf(context);
      refusesCall(context, check, {
        what: `a region of ${key}`,
        start: 'prepared',
        flawed: ({ calls }) => calls.setMemory([pageOf(guest, place)]),
        control: ({ calls }) => calls.setMemory([pageOf(guest)]),
        controlName: 'a region of one page',
        errors: ['EFAULT'],
      });
    });
  },
});
