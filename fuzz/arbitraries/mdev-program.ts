import fc from 'fast-check';
import type { FeatureSet } from '../../reference-impl/catalogue/catalogue.ts';
import type { RingLayout } from '../../reference-impl/virtqueue/ring.ts';
import { requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import type { Address, Space } from '../program/arguments.ts';
import { type Call, callOf, type Program } from '../program/program.ts';
import { type CallDraft, draft } from './call-draft.ts';
import { mdevCalls } from './mdev-call.ts';
import { deviceState } from './mdev-message.ts';

const version1 = 1n << 32n;
const packedRing = 1n << 34n;

const field = (name: string, value: Address) => ({ name, value });
const number = (value: number): Address => ({ kind: 'literal', value: BigInt(value) });

interface Told {
  readonly index: number;
  readonly size: number;
  readonly base: number;
  readonly space: Space;
  /** Bytes that an area is told beside its place. */
  readonly beside: number;
  readonly area: number;
  readonly order: number;
}

const requestOf = { num: requestId.VHOST_USER_SET_VRING_NUM, base: requestId.VHOST_USER_SET_VRING_BASE } as const;

/** Size, base and addresses of a ring that lies in memory, in some order, but for what is left out. */
function toldRing({ index, size, base, space, beside, area, order }: Told): CallDraft[] {
  const at = (place: 'descriptor' | 'driver' | 'device', n: number): Address => ({
    kind: 'ring',
    ring: 0,
    area: place,
    offset: n === area ? beside : 0,
    space,
  });
  const state = (request: number, value: number): CallDraft =>
    draft('message', { request, flags: 0, fields: [field('index', number(index)), field('num', number(value))] });
  const messages = [
    state(requestOf.num, size),
    draft('message', {
      request: requestId.VHOST_USER_SET_VRING_ADDR,
      flags: 0,
      fields: [
        field('index', number(index)),
        field('descriptor', at('descriptor', 0)),
        field('available', at('driver', 1)),
        field('used', at('device', 2)),
      ],
    }),
    state(requestOf.base, base),
  ];
  return [...messages.slice(order % 3), ...messages.slice(0, order % 3)].slice(0, order < 3 ? 3 : 2);
}

/** A ring of our own, told by hand, and the device started and stopped with it. */
const ringByHand: fc.Arbitrary<readonly CallDraft[]> = fc
  .record({
    index: fc.constantFrom(0, 0, 1),
    size: fc.constantFrom(0, 1, 4, 16, 16, 16, 32, 128, 512),
    base: fc.constantFrom(0, 0, 1, 5, 5, 255, 0xffff),
    space: fc.constantFrom<Space>('user', 'io', 'guest'),
    beside: fc.constantFrom(0, 0, 0, 1, 2, 4, 8, 0x4000_0000),
    area: fc.nat({ max: 2 }),
    order: fc.constantFrom(0, 1, 2, 0, 1, 2, 3, 4, 5),
  })
  .chain((told) =>
    fc
      .tuple(fc.constantFrom(told), fc.constantFrom(0, 1, 1, 1, 1), fc.boolean())
      .map(([ring, state, stops]) => [...toldRing(ring), deviceState(state), ...(stops ? [deviceState(0)] : [])]),
  );

const regionOf = (region: number) => ({ memory: 0, region, file: true, padding: 0n });
const word = (value: bigint): Address => ({ kind: 'literal', value });

/** SET_MEM_TABLE of layout L1, sound and not; layout L2 maps the regions, or has no room for them. */
const memoryTable: fc.Arbitrary<CallDraft> = fc
  .tuple(
    fc.constantFrom(1, 1, 2, 2, 0, 3),
    fc.constantFrom(undefined, undefined, undefined, undefined, 1, 2, 64, 65),
    fc.constantFrom<Partial<Record<'guestAddress' | 'userAddress' | 'size' | 'padding', bigint>>>(
      {},
      { padding: 1n },
      { padding: 1n << 63n },
      {},
      {},
      { size: 0n },
      { size: 0x1000n },
      { userAddress: 0x1000n },
      { guestAddress: 0x10_0000n },
    ),
  )
  .map(([length, count, told]) =>
    draft('memory-table', {
      regions: Array.from({ length }, (_, n) => ({
        ...regionOf(n),
        guestAddress: undefined,
        size: undefined,
        userAddress: undefined,
        mmapOffset: undefined,
        ...(n === length - 1
          ? Object.fromEntries(
              Object.entries(told).map(([name, value]) => [name, name === 'padding' ? value : word(value)]),
            )
          : {}),
      })),
      count,
    }),
  );

/** A table of many small regions of one memory, one of them wrong now and then. */
const longTable: fc.Arbitrary<CallDraft> = fc
  .tuple(fc.constantFrom(8, 63, 64, 64, 65), fc.constantFrom(0n, 0x800n, 0x1000n))
  .map(([length, step]) =>
    draft('memory-table', {
      regions: Array.from({ length }, (_, n) => ({
        ...regionOf(0),
        guestAddress: word(0x1000_0000n + BigInt(n) * (step === 0n ? 0x100n : step)),
        userAddress: { kind: 'memory' as const, memory: 0, region: 0, offset: n * 0x1000, space: 'user' as const },
        size: word(step === 0n ? 0x100n : 0x1000n),
        mmapOffset: undefined,
      })),
    }),
  );

const life: fc.Arbitrary<readonly CallDraft[]> = fc.oneof(
  fc.constant([draft('reconnect')]),
  fc
    .constantFrom('close' as const, 'shutdown-both' as const)
    .map((how) => [draft('disconnect', { how }), draft('connect')]),
  fc
    .constantFrom(2, 20, 110)
    .map((times) => Array.from({ length: times }, () => [draft('disconnect'), draft('connect')]).flat()),
  fc.constantFrom(1, 1, 7).map((times) => Array.from({ length: times }, () => draft('device-call', { call: 'reset' }))),
);

export interface MdevShape {
  readonly offer: Pick<FeatureSet, 'device'>;
  readonly layout: RingLayout;
}

/** Calls on a vhost-mdev device that is open, with memory and a ring that it may be told. */
export function mdevProgram({ offer, layout }: MdevShape): fc.Arbitrary<Program> {
  const packed = layout === 'packed' ? packedRing : 0n;
  const step = fc.oneof(
    { weight: 14, arbitrary: mdevCalls(offer.device) },
    { weight: 3, arbitrary: ringByHand },
    { weight: 1, arbitrary: memoryTable.map((each) => [each]) },
    { weight: 1, arbitrary: longTable.map((each) => [each]) },
    { weight: 1, arbitrary: life },
  );
  return fc
    .record({
      size: fc.constantFrom(4, 16, 16, 32, 128),
      isShared: fc.nat({ max: 3 }),
      isNegotiated: fc.nat({ max: 3 }),
      steps: fc.array(step, { minLength: 3, maxLength: 30 }),
    })
    .map(({ size, isShared, isNegotiated, steps }) => {
      const device = (version1 | packed) & offer.device;
      const begin: CallDraft[] = [draft('connect')];
      if (isNegotiated > 0) begin.push(draft('negotiate', { device }));
      begin.push(draft('memory', { layout: 'below-and-above-4gib' }));
      if (isShared > 0) begin.push(draft('share'));
      begin.push(draft('ring', { layout, size }));
      const drafts = [...begin, ...steps.flat()].slice(0, mostCalls);
      return { calls: drafts.map(({ kind, values }, at) => callOf(kind, at + 1, values) as unknown as Call) };
    });
}

const mostCalls = 320;
