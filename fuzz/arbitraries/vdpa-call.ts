import fc from 'fast-check';
import { iotlbMessageTypes, type VdpaRequest, vdpaRequests } from '../../reference-impl/wire/vdpa-structures.ts';
import { type CallDraft, draft } from './call-draft.ts';

const { VHOST_IOTLB_UPDATE, VHOST_IOTLB_INVALIDATE, VHOST_IOTLB_BATCH_BEGIN, VHOST_IOTLB_BATCH_END } =
  iotlbMessageTypes;

const call = (request: VdpaRequest | number, bytes: Uint8Array): CallDraft =>
  draft('message', { request: typeof request === 'number' ? request : vdpaRequests[request], flags: 0, bytes });

function words(...numbers: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * numbers.length);
  for (const [n, number] of numbers.entries()) new DataView(bytes.buffer).setUint32(4 * n, number >>> 0, true);
  return bytes;
}

function word(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value, true);
  return bytes;
}

/** What has an argument that is only written to, with its bytes. */
const questions: readonly (readonly [VdpaRequest, number])[] = [
  ['VHOST_GET_FEATURES', 8],
  ['VHOST_GET_BACKEND_FEATURES', 8],
  ['VHOST_VDPA_GET_DEVICE_ID', 4],
  ['VHOST_VDPA_GET_STATUS', 1],
  ['VHOST_VDPA_GET_VRING_NUM', 2],
  ['VHOST_VDPA_GET_IOVA_RANGE', 16],
  ['VHOST_VDPA_GET_CONFIG_SIZE', 4],
  ['VHOST_VDPA_GET_AS_NUM', 4],
  ['VHOST_VDPA_GET_GROUP_NUM', 4],
  ['VHOST_VDPA_GET_VQS_COUNT', 4],
];

const question: fc.Arbitrary<CallDraft> = fc
  .tuple(fc.constantFrom(...questions), fc.constantFrom(0, 0, 0, 0, 1))
  .map(([[request, size], less]) => call(request, new Uint8Array(Math.max(size - less, 0))));

const index = fc.constantFrom(0, 0, 0, 1, 1, 2, 3, 4, 64, 0x100, 0xffff_ffff);

const ofRing: fc.Arbitrary<CallDraft> = fc
  .tuple(
    index,
    fc.constantFrom<readonly [VdpaRequest, readonly number[]]>(
      ['VHOST_SET_VRING_NUM', [0, 1, 3, 12, 16, 64, 0x8000, 0xffff, 0x1_0000]],
      ['VHOST_SET_VRING_BASE', [0, 1, 5, 255, 0xffff, 0x1_0000, 0x8000_8000]],
      ['VHOST_GET_VRING_BASE', [0]],
      ['VHOST_GET_VRING_BASE', [0]],
      ['VHOST_SET_VRING_KICK', [0, 1, 2, -1]],
      ['VHOST_SET_VRING_CALL', [0, 1, 2, -1]],
      ['VHOST_SET_VRING_ERR', [0, 1, 2, -1]],
      ['VHOST_VDPA_GET_VRING_GROUP', [0]],
      ['VHOST_VDPA_SET_GROUP_ASID', [0, 1, 2, 3, 100]],
      ['VHOST_VDPA_GET_VRING_DESC_GROUP', [0]],
      ['VHOST_VDPA_GET_VRING_SIZE', [0]],
      ['VHOST_VDPA_SET_VRING_ENABLE', [0, 1, 2]],
    ),
    fc.nat({ max: 15 }),
    fc.constantFrom(0, 0, 0, 0, 0, 0, 1, 5, 8),
  )
  .map(([ring, [request, numbers], which, less]) =>
    call(request, words(ring, numbers[which % numbers.length] ?? 0).subarray(0, 8 - less)),
  );

/** vhost_vring_addr: index, flags, descriptor, used, available, log. */
const ringAddresses: fc.Arbitrary<CallDraft> = fc
  .tuple(
    index,
    fc.constantFrom(0, 0, 1, 2, 0x8000_0000),
    fc.array(fc.constantFrom(0, 0, 1, 2, 4, 0x1000), { minLength: 4, maxLength: 4 }),
  )
  .map(([ring, flags, beside]) =>
    call('VHOST_SET_VRING_ADDR', words(ring, flags, ...beside.flatMap((low) => [0x10_0000 + low, 0]))),
  );

/** A base that is told and asked for. */
const baseRead: fc.Arbitrary<readonly CallDraft[]> = fc
  .tuple(fc.constantFrom(0, 1), fc.constantFrom(0, 1, 5, 255, 256, 0xfffe))
  .map(([ring, base]) => [
    call('VHOST_SET_VRING_BASE', words(ring, base)),
    call('VHOST_GET_VRING_BASE', words(ring, 0)),
  ]);

const status = (value: number): CallDraft => call('VHOST_VDPA_SET_STATUS', Uint8Array.of(value));
const statusRead = call('VHOST_VDPA_GET_STATUS', new Uint8Array(1));

const statuses: fc.Arbitrary<readonly CallDraft[]> = fc.oneof(
  fc.constantFrom(0, 0, 1, 2, 3, 11, 15).map((value) => [status(value), statusRead]),
  // A base that is told is gone behind a reset.
  fc
    .constantFrom(0, 1)
    .map((ring) => [
      call('VHOST_SET_VRING_BASE', words(ring, 7)),
      status(0),
      statusRead,
      call('VHOST_GET_VRING_BASE', words(ring, 0)),
    ]),
  fc
    .constantFrom(0n, 1n << 33n, (1n << 32n) | (1n << 33n), 1n << 60n, -1n)
    .map((features) => [statusRead, call('VHOST_SET_FEATURES', word(BigInt.asUintN(64, features)))]),
);

const configuration: fc.Arbitrary<CallDraft> = fc
  .tuple(
    fc.constantFrom(
      'VHOST_VDPA_GET_CONFIG' as const,
      'VHOST_VDPA_GET_CONFIG' as const,
      'VHOST_VDPA_SET_CONFIG' as const,
    ),
    fc.constantFrom(0, 0, 0, 1, 8, 32, 64, 0x1000, 0xffff_fff0),
    fc.oneof(fc.integer({ min: 0, max: 140 }), fc.constantFrom(0, 1, 4, 8)),
    fc.constantFrom(0, 0, 0, 0, 1),
  )
  .map(([request, offset, length, less]) => {
    const bytes = new Uint8Array(8 + length);
    bytes.set(words(offset, length));
    return call(request, bytes.subarray(0, 8 + Math.max(length - less, 0)));
  });

const asked = (request: VdpaRequest, bytes: number): CallDraft => call(request, new Uint8Array(bytes));

const plain: fc.Arbitrary<readonly CallDraft[]> = fc.constantFrom<readonly CallDraft[]>(
  [asked('VHOST_SET_OWNER', 0)],
  [asked('VHOST_SET_LOG_BASE', 8)],
  [asked('VHOST_SET_LOG_FD', 4)],
  [call('VHOST_VDPA_SET_CONFIG_CALL', words(-1))],
  [call('VHOST_VDPA_SET_CONFIG_CALL', words(0))],
  [call('VHOST_SET_BACKEND_FEATURES', word(1n << 40n))],
  [call('VHOST_SET_BACKEND_FEATURES', word((1n << 63n) | 2n))],
  [call(0x4008_af7f, words(0, 0))],
  [call(0xaf9f, words(0, 0))],
  [call(0x1234, words(100, 0))],
  [asked('VHOST_VDPA_GET_CONFIG_SIZE', 4), call('VHOST_VDPA_GET_CONFIG', words(0, 0x1000))],
  [asked('VHOST_VDPA_GET_GROUP_NUM', 4), call('VHOST_VDPA_GET_VRING_GROUP', words(0, 0))],
  [asked('VHOST_VDPA_GET_GROUP_NUM', 4), call('VHOST_VDPA_GET_VRING_GROUP', words(1, 0))],
  [asked('VHOST_VDPA_GET_AS_NUM', 4), call('VHOST_VDPA_SET_GROUP_ASID', words(0, 3))],
  [draft('connect', { beside: true })],
);

const literal = (value: bigint) => ({ kind: 'literal' as const, value });
/** Where nothing of a program lies, within a range as it is usual, and at its ends. */
const ioPlace = fc.constantFrom(0x60_0000_0000n, 0x60_0000_1000n, 0x60_0000_2000n).map(literal);
const farPlace = fc
  .constantFrom(0n, 0x1000n, 0xffff_ffff_f000n, 0x1_0000_0000_0000n, (1n << 64n) - 0x1000n)
  .map(literal);

interface Message {
  readonly request?: number;
  readonly asid?: number;
  readonly region?: number;
  readonly ioVirtualAddress?: ReturnType<typeof literal>;
  readonly size?: ReturnType<typeof literal>;
  readonly permission?: number;
  readonly truncate?: number;
}
const message = (values: Message): CallDraft => draft('iotlb', values);

const mappings: fc.Arbitrary<readonly CallDraft[]> = fc
  .record({
    ioVirtualAddress: fc.oneof({ weight: 5, arbitrary: ioPlace }, { weight: 2, arbitrary: farPlace }),
    size: fc.constantFrom(0x1000n, 0x1000n, 0x2000n, 0x3000n, 0n).map(literal),
    asid: fc.constantFrom(0, 0, 0, 1, 2, 3, 0xffff_ffff),
    permission: fc.constantFrom(3, 3, 1, 2, 0),
    how: fc.nat({ max: 9 }),
  })
  .map(({ how, ...at }): readonly CallDraft[] => {
    const update = message({ request: VHOST_IOTLB_UPDATE, ...at });
    const invalidation = message({ request: VHOST_IOTLB_INVALIDATE, ...at });
    const batch = (asid: number) => message({ request: VHOST_IOTLB_BATCH_BEGIN, asid });
    const end = message({ request: VHOST_IOTLB_BATCH_END, asid: at.asid });
    switch (how) {
      case 0:
        return [update, update];
      case 1:
      case 2:
        return [update, invalidation, update];
      case 3:
        return [batch(at.asid), update, end];
      case 4:
        return [
          asked('VHOST_VDPA_GET_AS_NUM', 4),
          batch(0),
          message({ ...at, asid: 1 }),
          message({ request: VHOST_IOTLB_BATCH_END }),
        ];
      case 5:
        return [message({ ...at, truncate: 20 }), message({ ...at, truncate: 39 })];
      case 6:
        return [message({ ...at, request: 9 }), message({ ...at, request: 0 })];
      case 7:
        return [asked('VHOST_VDPA_GET_AS_NUM', 4), update];
      case 8:
        return [update, status(0), message({ request: VHOST_IOTLB_UPDATE, ...at, asid: at.asid })];
      default:
        return [update];
    }
  });

/** The device is suspended behind chains that no one waits for, and goes on. */
const suspension: fc.Arbitrary<readonly CallDraft[]> = fc.constantFrom(
  [
    asked('VHOST_VDPA_SUSPEND', 0),
    call('VHOST_GET_VRING_BASE', words(0, 0)),
    call('VHOST_GET_VRING_BASE', words(0, 0)),
    asked('VHOST_VDPA_RESUME', 0),
  ],
  [asked('VHOST_VDPA_RESUME', 0)],
);

const one = (drafts: fc.Arbitrary<CallDraft>): fc.Arbitrary<readonly CallDraft[]> => drafts.map((each) => [each]);

/** Calls on a vhost-vdpa device that is open, of any kind, sound and not. */
export const vdpaCalls: fc.Arbitrary<readonly CallDraft[]> = fc.oneof(
  { weight: 3, arbitrary: one(question) },
  { weight: 6, arbitrary: one(ofRing) },
  { weight: 2, arbitrary: one(ringAddresses) },
  { weight: 2, arbitrary: baseRead },
  { weight: 2, arbitrary: statuses },
  { weight: 2, arbitrary: one(configuration) },
  { weight: 4, arbitrary: plain },
  { weight: 4, arbitrary: mappings },
  { weight: 1, arbitrary: suspension },
);

/** Chains that are kicked while the device is suspended wait until it goes on. */
export const suspend = asked('VHOST_VDPA_SUSPEND', 0);
export const resume = asked('VHOST_VDPA_RESUME', 0);

/** What leaves rings as they are, for programs that go on with them. */
export const vdpaQuietCalls: fc.Arbitrary<readonly CallDraft[]> = fc.oneof(
  { weight: 3, arbitrary: one(question) },
  { weight: 2, arbitrary: one(ringAddresses) },
  { weight: 1, arbitrary: suspension },
);
