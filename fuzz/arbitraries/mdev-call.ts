import fc from 'fast-check';
import {
  VFIO_IRQ_SET_ACTION_MASK,
  VFIO_IRQ_SET_ACTION_TRIGGER,
  VFIO_IRQ_SET_ACTION_UNMASK,
  VFIO_IRQ_SET_DATA_BOOL,
  VFIO_IRQ_SET_DATA_EVENTFD,
  VFIO_IRQ_SET_DATA_NONE,
} from '../../reference-impl/wire/vfio-structures.ts';
import type { DescriptorKind } from '../program/call-description.ts';
import { type CallDraft, draft } from './call-draft.ts';
import { messageCalls, sentMessage } from './mdev-message.ts';

const doorbellsRegion = 1;
const msixRegion = 2;
const pciRegion = 7;
const pageBytes = 4096;

const argsz = fc.constantFrom(undefined, undefined, 0, 8, 12, 15, 16, 24, 31, 32, 64, 256);
const index = fc.constantFrom(undefined, 0, 1, 2, 3, 5, 7, 8, 9, 100, 0xffff_ffff);

/** A value for one in so many and one more. */
const seldom = <Value>(weight: number, value: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> =>
  fc.oneof({ weight, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value });

/** Of an argument that ends in memory that is not there: what is there of it. */
const part = fc.constantFrom(0, 4, 15, 19, 31);

const information: fc.Arbitrary<CallDraft> = fc
  .tuple(
    fc.constantFrom('information' as const, 'region' as const, 'interrupts' as const),
    argsz,
    index,
    seldom(6, part),
  )
  .map(([call, size, at, truncate]) => draft('device-call', { call, argsz: size, index: at, truncate }));

const event = (kind: DescriptorKind) => ({ kind, memory: 0, region: 0, size: pageBytes });

const eventData = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
const noData = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER;
const boolData = VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_TRIGGER;

const place = fc.tuple(
  fc.constantFrom(0, 0, 1, 1, 2, 3, 64, 0xffff_ffff),
  fc.constantFrom(0, 1, 1, 2, 2, 3, 64, 0xffff_ffff),
);
const eventKind = fc.constantFrom<DescriptorKind>(
  'eventfd',
  'eventfd',
  'eventfd',
  'none',
  'none',
  'pipe',
  'null-device',
);

/** SET_IRQS of one vector. */
export const vectorCall = (start: number, kind: DescriptorKind): CallDraft =>
  draft('device-call', { call: 'set-interrupts', flags: eventData, start, count: 1, descriptors: [event(kind)] });

/** SET_IRQS with the data that its count wants, mostly. */
const setInterrupts: fc.Arbitrary<CallDraft> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(place, fc.array(eventKind, { minLength: 1, maxLength: 3 })).map(([[start], kinds]) =>
      draft('device-call', {
        call: 'set-interrupts',
        flags: eventData,
        start,
        count: kinds.length,
        descriptors: kinds.map(event),
      }),
    ),
  },
  {
    weight: 2,
    arbitrary: place.map(([start, count]) =>
      draft('device-call', { call: 'set-interrupts', flags: noData, start, count }),
    ),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(place, fc.array(fc.constantFrom(0, 1, 2, 255), { minLength: 1, maxLength: 3 }))
      .map(([[start], bools]) =>
        draft('device-call', {
          call: 'set-interrupts',
          flags: boolData,
          start,
          count: bools.length,
          bytes: Uint8Array.from(bools),
        }),
      ),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(
        place,
        fc.constantFrom(
          0,
          noData & ~VFIO_IRQ_SET_DATA_NONE,
          eventData | VFIO_IRQ_SET_DATA_NONE,
          eventData | VFIO_IRQ_SET_DATA_BOOL,
          eventData | 0x40,
          noData | 0x40,
          noData | 0x1_0000,
          noData | 0x8000_0000,
          noData | VFIO_IRQ_SET_ACTION_MASK,
          eventData | VFIO_IRQ_SET_ACTION_UNMASK,
          VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_MASK,
          VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK,
          noData,
          eventData,
        ),
        index,
        argsz,
      )
      .map(([[start, count], flags, at, size]) =>
        draft('device-call', {
          call: 'set-interrupts',
          flags: flags >>> 0,
          start: start % 4,
          count: count % 4,
          index: at,
          argsz: size === undefined ? undefined : size + 4,
          descriptors: [event('eventfd'), event('eventfd')],
        }),
      ),
  },
);

const interruptBytes = 20;

/** SET_IRQS with less data than its vectors want, and with no vectors behind a start. */
const oddInterrupts: fc.Arbitrary<CallDraft> = fc.oneof(
  fc
    .tuple(fc.constantFrom(eventData, boolData), fc.constantFrom(1, 2, 2), fc.constantFrom(0, 1, 3, 4))
    .map(([flags, count, bytes]) =>
      draft('device-call', {
        call: 'set-interrupts',
        flags,
        count,
        argsz: interruptBytes + (flags === eventData ? bytes : Math.min(bytes, count - 1)),
        descriptors: [event('eventfd'), event('eventfd')],
      }),
    ),
  fc
    .tuple(fc.constantFrom(noData, noData, eventData), fc.constantFrom(0, 1, 1, 2))
    .map(([flags, start]) => draft('device-call', { call: 'set-interrupts', flags, start, count: 0 })),
);

const question = (request: 'VHOST_GET_FEATURES' | 'VHOST_GET_VRING_BASE'): CallDraft =>
  sentMessage({ request, payload: new Uint8Array(request === 'VHOST_GET_FEATURES' ? 0 : 8) }, 1);
const answer = draft('region-read', { region: 0, offset: 0n, length: 24 });
const secondOpen = draft('connect', { beside: true });

/** What may take an answer away that waits, and what shows whether it did. */
const aroundAnswers: fc.Arbitrary<readonly CallDraft[]> = fc
  .tuple(
    fc.constantFrom('VHOST_GET_FEATURES' as const, 'VHOST_GET_VRING_BASE' as const),
    fc.constantFrom<readonly CallDraft[]>([secondOpen], [secondOpen], [draft('device-call', { call: 'reset' })], []),
  )
  .map(([request, between]) => [question(request), ...between, answer]);

/** The size of a BAR shows where all of its bits are written; its region tells it as well. */
const barSize: fc.Arbitrary<readonly CallDraft[]> = fc
  .constantFrom(0x10n, 0x14n, 0x18n, 0x1cn, 0x30n)
  .map((offset) => [
    draft('device-call', { call: 'region', index: Number(offset - 0x10n) / 4 }),
    draft('region-write', { region: pciRegion, offset, bytes: new Uint8Array(4).fill(0xff) }),
    draft('region-read', { region: pciRegion, offset, length: 4 }),
  ]);

/** The queue of a doorbell, and bits behind it. */
const doorbellBytes = fc
  .tuple(
    fc.constantFrom(0, 0, 1, 1, 2, 3, 0x100, 0x101, 0x1_0000, 0x1_0001, 0xffff_ffff),
    fc.constantFrom(4, 4, 4, 0, 1, 2, 3, 5, 8, 16),
  )
  .map(([queue, length]) => {
    const bytes = new Uint8Array(Math.max(4, length)).fill(0xff);
    new DataView(bytes.buffer).setUint32(0, queue, true);
    return bytes.subarray(0, length);
  });
const doorbellOffset = fc.constantFrom(0n, 0n, 4n, 100n, 4096n, 4100n, 8192n, 8196n, 0x1_0000n);

const doorbell: fc.Arbitrary<CallDraft> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(doorbellOffset, doorbellBytes)
      .map(([offset, bytes]) => draft('region-write', { region: doorbellsRegion, offset, bytes })),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        fc.constantFrom(0n, 0n, 4096n, 4096n, 8192n, 0x1_0000n),
        fc.constantFrom(pageBytes, pageBytes, pageBytes, 2 * pageBytes),
        fc.constantFrom(undefined, 0, 1, 2, 0xffff),
      )
      .map(([offset, length, store]) => draft('region-map', { offset, length, store })),
  },
  { weight: 1, arbitrary: fc.constant(draft('region-read', { region: doorbellsRegion, length: 4 })) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(0, 3, 7).map((region) => draft('region-map', { region, offset: 0n, length: pageBytes })),
  },
);

const fieldAt = fc.constantFrom(0n, 1n, 4n, 5n, 8n, 0x0cn, 0x10n, 0x14n, 0x18n, 0x2cn, 0x3cn, 0x3dn, 0x42n, 254n, 256n);
const few = fc.constantFrom(1, 2, 4);

/** Configuration space and the MSI-X table of layout L1, which layout L2 has not. */
const plainRegion: fc.Arbitrary<readonly CallDraft[]> = fc.oneof(
  fc.constant([draft('region-read', { region: pciRegion, length: 96 })]),
  fc.tuple(fieldAt, few).map(([offset, length]) => [draft('region-read', { region: pciRegion, offset, length })]),
  fc
    .tuple(fieldAt, fc.uint8Array({ minLength: 1, maxLength: 4 }), fc.boolean())
    .map(([offset, some, isOnes]) => [
      draft('region-write', { region: pciRegion, offset, bytes: isOnes ? new Uint8Array(4).fill(0xff) : some }),
      draft('region-read', { region: pciRegion, offset, length: 4 }),
    ]),
  fc
    .tuple(fc.constantFrom(0n, 4n, 16n, 20n, 32n), fc.uint8Array({ minLength: 4, maxLength: 16 }))
    .map(([offset, bytes]) => [
      draft('region-write', { region: msixRegion, offset, bytes }),
      draft('region-read', { region: msixRegion, offset, length: 16 }),
    ]),
  fc.tuple(fc.constantFrom(3, 4, 9, 30), few).map(([region, length]) => [draft('region-read', { region, length })]),
  fc.constantFrom(3, 9).map((region) => [draft('region-write', { region, bytes: new Uint8Array(4) })]),
);

const literal = (value: bigint) => ({ kind: 'literal' as const, value });
const ioPlace = fc.constantFrom(
  undefined,
  literal(0x4000_0000_0000n),
  literal(0x4000_0000_1000n),
  literal(0x4000_0000_0800n),
  literal(0x4000_ffff_f000n),
  literal((1n << 64n) - 0x1000n),
);

const container: fc.Arbitrary<CallDraft> = fc
  .tuple(
    fc.constantFrom('map' as const, 'map' as const, 'unmap' as const),
    fc.constantFrom(undefined, undefined, 3, 0, 4, 7, 1, 2),
    ioPlace,
    fc.constantFrom(undefined, 0x1000n, 0x2000n, 0x2000n, 0n, 0x800n, 0x1_0000_0000n),
    fc.nat({ max: 2 }),
    seldom(5, fc.constantFrom(0, 8, 23, 24, 31, 32, 64)),
    seldom(9, part),
  )
  .map(([call, flags, io, size, region, argsz, truncate]) =>
    draft('container-call', {
      call,
      // Of 3 in place of what a mapping permits: no flag is known of an unmapping.
      flags: call === 'unmap' && flags === 3 ? undefined : flags,
      region,
      argsz,
      truncate,
      ioVirtualAddress: io,
      size: size === undefined ? undefined : literal(size),
    }),
  );

/** SET_IRQS whose fixed part, or data, ends in memory that is not there. */
const cutInterrupts: fc.Arbitrary<CallDraft> = fc
  .constantFrom(0, 4, 19)
  .map((truncate) => draft('device-call', { call: 'set-interrupts', flags: noData, count: 1, truncate }));

const one = (drafts: fc.Arbitrary<CallDraft>): fc.Arbitrary<readonly CallDraft[]> => drafts.map((each) => [each]);

/** Calls on a vhost-mdev device that is open, of any kind, sound and not. */
export const mdevCalls = (offered: bigint): fc.Arbitrary<readonly CallDraft[]> =>
  fc.oneof(
    { weight: 9, arbitrary: messageCalls(offered) },
    { weight: 2, arbitrary: one(information) },
    { weight: 3, arbitrary: one(setInterrupts) },
    { weight: 3, arbitrary: one(doorbell) },
    { weight: 2, arbitrary: one(oddInterrupts) },
    { weight: 1, arbitrary: one(cutInterrupts) },
    { weight: 1, arbitrary: aroundAnswers },
    { weight: 1, arbitrary: barSize },
    { weight: 2, arbitrary: plainRegion },
    { weight: 2, arbitrary: one(container) },
    // All vectors lose their descriptors.
    { weight: 1, arbitrary: one(fc.constant(draft('device-call', { call: 'set-interrupts', flags: noData }))) },
    { weight: 1, arbitrary: one(fc.constant(draft('device-call', { call: 'unknown' }))) },
    { weight: 1, arbitrary: one(fc.constant(draft('device-call', { call: 'reset' }))) },
    { weight: 1, arbitrary: one(fc.constant(draft('connect', { beside: true }))) },
  );
