import type { Guest, VdpaIotlbMessage, VhostVdpaSession } from '../../drivers/port/port.ts';
import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import { iotlbBytes, iotlbMessageTypes } from '../../reference-impl/wire/vdpa-structures.ts';
import { defineCase } from '../case.ts';
import { batchBegin, batchEnd, mapping, unmapping } from '../vhost-kernel/iotlb-messages.ts';
import { refusesCall, takes } from '../vhost-kernel/refusal.ts';

/** Messages of the IOTLB that are refused. The write fails with EFAULT whatever the reason; nothing is mapped. */

const transports = ['vhost-vdpa'] as const;
const applies = { start: 'closed', transports, ring: 'none' } as const;

type Region = Guest['regions'][number];

/** The first region of a guest of its own. */
const regionOf = (guest: Guest): Region => guest.regions[0] as Guest['regions'][number];

export const outsideRange = defineCase({
  id: 'vhost-vdpa/iotlb/updates-outside-the-range-are-refused',
  title: 'an update of no bytes, or one that leaves the range that the device tells, is refused',
  proves: { 'vk-iotlb/update-outside-iova-range-refused': 'vdpa-maps-outside-its-range' },
  applies,
  run(context) {
    const { port, points } = context;
    const check = context.requirement('vk-iotlb/update-outside-iova-range-refused');
    const page = 4096n;
    /** Undefined where the range has no such place: it may be all that 64 bits reach. */
    const places = {
      'no bytes': () => ({ size: 0n }),
      'across the end': ({ last }: Bounds) =>
        last === 2n ** 64n - 1n ? undefined : { ioVirtualAddress: last + 1n - page, size: 2n * page },
      'behind the end': ({ last }: Bounds) =>
        last === 2n ** 64n - 1n ? undefined : { ioVirtualAddress: last + 1n, size: page },
      'before the start': ({ first }: Bounds) =>
        first < page ? undefined : { ioVirtualAddress: first - page, size: page },
      'across the end of 64 bits': () => ({ ioVirtualAddress: 2n ** 64n - page, size: 2n * page }),
    } as const;
    const all = Object.entries(places).map(([key, placeIn]) => ({ key, placeIn }));
    points(all, ({ key, placeIn }) => {
      const guest = port.createGuest(guestLayouts['single-region']);
      const bounds = boundsOf(context.connect('connected'));
      const place = placeIn(bounds);
      if (place === undefined) return;
      refusesCall(context, check, {
        what: `an update with ${key}`,
        start: 'prepared',
        flawed: ({ calls }) => calls.iotlb(mapping(regionOf(guest), place)),
        control: ({ calls }) => calls.iotlb(mapping(regionOf(guest))),
        controlName: 'an update in the range',
      });
    });
  },
});

interface Bounds {
  readonly first: bigint;
  readonly last: bigint;
}

function boundsOf(session: VhostVdpaSession): Bounds {
  const bounds = session.range ?? { first: 0n, last: 2n ** 64n - 1n };
  session.close();
  return bounds;
}

export const overlapping = defineCase({
  id: 'vhost-vdpa/iotlb/overlapping-updates-are-refused',
  title: 'an update that overlaps a mapping is refused, whole or in part, and taken once that is invalidated',
  proves: { 'vk-iotlb/overlapping-update-refused': 'vdpa-maps-over-mappings' },
  applies,
  run(context) {
    const { port, points } = context;
    const check = context.requirement('vk-iotlb/overlapping-update-refused');
    const places: Readonly<Record<string, (region: Guest['regions'][number]) => Partial<VdpaIotlbMessage>>> = {
      'the same range': () => ({}),
      'its first page': () => ({ size: 4096n }),
      'its last page': ({ ioVirtualAddress, size }) => ({
        ioVirtualAddress: ioVirtualAddress + BigInt(size) - 4096n,
        size: 4096n,
      }),
    };
    const all = Object.entries(places).map(([key, placeIn]) => ({ key, placeIn }));
    points(all, ({ key, placeIn }) => {
      const region = regionOf(port.createGuest(guestLayouts['single-region']));
      refusesCall(context, check, {
        what: `an update of ${key}`,
        start: 'prepared',
        // In parts that meet, and do not overlap.
        prepare: ({ calls }) => {
          for (const [name, part] of partsOf(region)) {
            takes(check, calls.iotlb(mapping(region, part)), `${name}, which overlaps nothing`);
          }
        },
        flawed: ({ calls }) => calls.iotlb(mapping(region, placeIn(region))),
        control: ({ calls }) => {
          calls.iotlb(unmapping(region));
          return calls.iotlb(mapping(region, placeIn(region)));
        },
        controlName: `${key} once it is invalidated`,
      });
    });
  },
});

const middlePages = 2n * 4096n;

/** A region in parts: its middle, what lies below that, and what lies above. */
function partsOf({ ioVirtualAddress, userAddress, size }: Region): [string, Partial<VdpaIotlbMessage>][] {
  const partAt = (from: bigint, bytes: bigint): Partial<VdpaIotlbMessage> => ({
    ioVirtualAddress: ioVirtualAddress + from,
    userAddress: userAddress + from,
    size: bytes,
  });
  const end = middlePages * 2n;
  return [
    ['the middle', partAt(middlePages, middlePages)],
    ['what lies below it', partAt(0n, middlePages)],
    ['what lies above it', partAt(end, BigInt(size) - end)],
  ];
}

export const mappedAnew = defineCase({
  id: 'vhost-vdpa/iotlb/invalidated-range-is-mapped-anew',
  title: 'behind an invalidation the same range is mapped again, as often as one likes',
  proves: { 'vk-iotlb/invalidated-range-is-mapped-anew': 'vdpa-invalidation-has-no-effect' },
  applies: { start: 'prepared', transports, ring: 'none' },
  run({ session: { calls }, guest, requirement }) {
    const check = requirement('vk-iotlb/invalidated-range-is-mapped-anew');
    const region = regionOf(guest);
    for (let round = 1; round <= 3; round++) {
      if (!takes(check, calls.iotlb(mapping(region)), `mapping number ${round}`)) return;
      if (!takes(check, calls.iotlb(unmapping(region)), `invalidation number ${round}`)) return;
    }
  },
});

export const unknownSpace = defineCase({
  id: 'vhost-vdpa/iotlb/unknown-address-spaces-are-refused',
  title: 'an update for an address space beyond the count is refused',
  proves: { 'vk-iotlb/unknown-address-space-refused': 'vdpa-address-spaces-wrap' },
  applies: { ...applies, offers: ['VHOST_BACKEND_F_IOTLB_ASID'] },
  run(context) {
    const { port, points } = context;
    const check = context.requirement('vk-iotlb/unknown-address-space-refused');
    const all = ['the count', '0xffffffff'].map((key) => ({ key }));
    points(all, ({ key }) => {
      const region = regionOf(port.createGuest(guestLayouts['single-region']));
      refusesCall(context, check, {
        what: `an update for address space ${key}`,
        start: 'prepared',
        flawed: ({ calls }) =>
          calls.iotlb(mapping(region, { asid: key === 'the count' ? calls.spaceCount() : 0xffff_ffff })),
        control: ({ calls }) => calls.iotlb(mapping(region, { asid: calls.spaceCount() - 1 })),
        controlName: 'an update for the last address space',
      });
    });
  },
});

export const batchOfAnother = defineCase({
  id: 'vhost-vdpa/iotlb/batch-is-of-one-address-space',
  title: 'within the batch of address space 0 an update for 1 is refused, and behind its end it is taken',
  proves: { 'vk-iotlb/batch-excludes-other-address-spaces': 'vdpa-batches-mix-address-spaces' },
  applies: {
    ...applies,
    offers: ['VHOST_BACKEND_F_IOTLB_ASID', 'VHOST_BACKEND_F_IOTLB_BATCH'],
    needs: ['address-spaces'],
  },
  run(context) {
    const check = context.requirement('vk-iotlb/batch-excludes-other-address-spaces');
    const region = regionOf(context.port.createGuest(guestLayouts['single-region']));
    refusesCall(context, check, {
      what: 'an update for address space 1 within the batch of 0',
      start: 'prepared',
      prepare: ({ calls }) => {
        calls.iotlb(batchBegin());
      },
      flawed: ({ calls }) => calls.iotlb(mapping(region, { asid: 1 })),
      control: ({ calls }) => {
        calls.iotlb(batchEnd());
        const answer = calls.iotlb(mapping(region, { asid: 1 }));
        takes(check, answer, 'an update for address space 1 behind BATCH_END');
        return answer;
      },
      controlName: 'the same behind the end of the batch',
    });
  },
});

export const malformed = defineCase({
  id: 'vhost-vdpa/iotlb/malformed-messages-are-refused',
  title:
    'a write that is cut short, of an unknown type, or that asks for nothing known is refused, and the device goes on',
  proves: {
    'vk-iotlb/malformed-messages-refused': [
      'vdpa-short-messages-are-taken',
      'vdpa-any-message-type-is-taken',
      'vdpa-any-message-request-is-taken',
    ],
  },
  applies,
  run(context) {
    const { port, points } = context;
    const check = context.requirement('vk-iotlb/malformed-messages-refused');
    const flaws: Readonly<Record<string, (bytes: Uint8Array) => Uint8Array>> = {
      'no bytes': (bytes) => bytes.subarray(0, 0),
      '3 bytes': (bytes) => bytes.subarray(0, 3),
      '8 bytes': (bytes) => bytes.subarray(0, 8),
      '39 bytes': (bytes) => bytes.subarray(0, 39),
      'type 0': (bytes) => bytes.with(0, 0),
      'type 3': (bytes) => bytes.with(0, 3),
      'request 0': (bytes) => bytes.with(33, 0),
      'request 7': (bytes) => bytes.with(33, 7),
    };
    const all = Object.entries(flaws).map(([key, flaw]) => ({ key, flaw }));
    points(all, ({ key, flaw }) => {
      const region = regionOf(port.createGuest(guestLayouts['single-region']));
      const whole = iotlbBytes(mapping(region));
      refusesCall(context, check, {
        what: `a message with ${key}`,
        start: 'prepared',
        // The address space is made by the first mapping in it.
        prepare: ({ calls }) => {
          calls.iotlb(mapping(region));
          calls.iotlb({ request: iotlbMessageTypes.VHOST_IOTLB_INVALIDATE, ...rangeOf(region) });
        },
        flawed: ({ calls }) => {
          const answer = calls.file.write(flaw(whole));
          // What reads as an end of file takes nothing.
          return key === 'no bytes' && answer === 0 ? -1 : answer;
        },
        control: ({ calls }) => calls.file.write(whole),
        controlName: 'the whole message',
      });
    });
  },
});

const rangeOf = ({ ioVirtualAddress, size }: Guest['regions'][number]): Partial<VdpaIotlbMessage> => ({
  ioVirtualAddress,
  size: BigInt(size),
});

export const endsOfRange = defineCase({
  id: 'vhost-vdpa/iotlb/ends-of-the-range-are-mapped',
  title: 'the first and the last page of the range that the device tells are mapped',
  proves: { 'vk-iotlb/range-is-mapped-to-its-ends': 'vdpa-tells-a-longer-range' },
  applies: { start: 'prepared', transports, ring: 'none' },
  run({ session, guest, requirement }) {
    const check = requirement('vk-iotlb/range-is-mapped-to-its-ends');
    const { range, calls, pageSize } = session;
    check.presumes(range !== undefined, 'the device tells its range');
    if (range === undefined) return;
    const page = BigInt(pageSize);
    const shown = { expected: 'an end behind its start', actual: `${range.first} to ${range.last}` };
    if (!check.holds(range.last > range.first, 'the range', shown)) return;
    const at = (ioVirtualAddress: bigint): VdpaIotlbMessage =>
      mapping(regionOf(guest), { ioVirtualAddress, size: page });
    const first = ((range.first + page - 1n) / page) * page;
    takes(check, calls.iotlb(at(first)), 'an update of the first page');
    takes(check, calls.iotlb(at(((range.last + 1n) / page) * page - page)), 'an update of the last page');
  },
});
