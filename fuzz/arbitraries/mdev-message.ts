import fc from 'fast-check';
import { encodeMdevMessage } from '../../reference-impl/wire/mdev-messages.ts';
import { encodeStructure } from '../../reference-impl/wire/structure.ts';
import { type VhostRequest, vhostRequests } from '../../reference-impl/wire/vhost-requests.ts';
import { u64Payload, vringAddressPayload, vringStatePayload } from '../../reference-impl/wire/vhost-user-payloads.ts';
import { type CallDraft, draft } from './call-draft.ts';

/** In both layouts the region of messages is the first one. */
export const messagesRegion = 0;
const answerBytes = 24;

const index = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(0, 1) },
  { weight: 2, arbitrary: fc.constantFrom(2, 3, 16, 255, 0x1_0000, 0x8000_0000, 0xffff_ffff) },
);
const size = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(0, 0, 1, 2, 4, 8, 16, 256, 512, 1024, 2048, 0x4000, 0x8000) },
  { weight: 1, arbitrary: fc.constantFrom(3, 24, 0x8001, 0x1_0000, 0x1_0010, 0x1_0100, 0xffff_ffff) },
);
const base = fc.oneof(
  fc.constantFrom(0, 1, 3, 5, 255, 256, 0x7fff, 0x8000, 0xfffd, 0xffff, 0x1_0000, 0x1_0005, 0xffff_ffff),
  fc.integer({ min: 0, max: 0xffff }),
);
const state = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(0n, 1n) },
  { weight: 3, arbitrary: fc.constantFrom(2n, 3n, 4n, 5n, 1n << 32n, (1n << 32n) + 1n, 1n << 63n, (1n << 64n) - 1n) },
);

const stateBytes = (index: number, num: number): Uint8Array => encodeStructure(vringStatePayload, { index, num });
const addressBytes = (index: number, flags: number): Uint8Array =>
  encodeStructure(vringAddressPayload, {
    index,
    flags,
    descriptor: 0x10n,
    used: 0x2000n,
    available: 0x1000n,
    log: 0n,
  });
const wordBytes = (u64: bigint): Uint8Array => encodeStructure(u64Payload, { u64 });

/** A request with a payload of its own form. */
export interface Sound {
  readonly request: VhostRequest;
  readonly payload: Uint8Array;
}

const ringState = (request: VhostRequest, num: fc.Arbitrary<number>): fc.Arbitrary<Sound> =>
  fc.tuple(index, num).map(([ring, value]) => ({ request, payload: stateBytes(ring, value) }));

const nothing = new Uint8Array(0);

/** Sound messages, whatever they come to. @param offered features of the device. */
export const soundMessage = (offered: bigint): fc.Arbitrary<Sound> =>
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc
        .constantFrom<VhostRequest>('VHOST_GET_FEATURES', 'VHOST_SET_OWNER', 'VHOST_RESET_OWNER')
        .map((request) => ({ request, payload: nothing })),
    },
    {
      weight: 2,
      arbitrary: fc
        .constantFrom(0n, offered, offered | (1n << 50n), 1n << 63n, offered & (1n << 32n))
        .map((word) => ({ request: 'VHOST_SET_FEATURES' as const, payload: wordBytes(word) })),
    },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom(0n, 0x1000n)
        .map((word) => ({ request: 'VHOST_SET_LOG_BASE' as const, payload: wordBytes(word) })),
    },
    { weight: 3, arbitrary: ringState('VHOST_SET_VRING_NUM', size) },
    { weight: 4, arbitrary: ringState('VHOST_SET_VRING_BASE', base) },
    { weight: 4, arbitrary: ringState('VHOST_GET_VRING_BASE', fc.constantFrom(0, 7, 0xffff_ffff)) },
    {
      weight: 1,
      arbitrary: fc.tuple(index, fc.constantFrom(0, 1, 0xffff_ffff)).map(([ring, flags]) => ({
        request: 'VHOST_SET_VRING_ADDR' as const,
        payload: addressBytes(ring, flags),
      })),
    },
    {
      weight: 4,
      arbitrary: fc.tuple(state, fc.nat({ max: 3 })).map(([word, short]) => ({
        request: 'VHOST_DEVICE_SET_STATE' as const,
        payload: short === 0 ? wordBytes(word).slice(0, 4) : wordBytes(word),
      })),
    },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom(8, 0, 40, 1024, 1025, 1048, 4096)
        .map((length) => ({ request: 'VHOST_SET_MEM_TABLE' as const, payload: new Uint8Array(length) })),
    },
  );

/** A message at the start of its region. */
const written = (bytes: Uint8Array, offset = 0n): CallDraft =>
  draft('region-write', { region: messagesRegion, offset, bytes });

export const sentMessage = ({ request, payload }: Sound, flags = 0): CallDraft =>
  written(encodeMdevMessage(request, payload, { flags }));

/** VHOST_DEVICE_SET_STATE: the device stops, or starts. */
export const deviceState = (state: number): CallDraft =>
  sentMessage({ request: 'VHOST_DEVICE_SET_STATE', payload: wordBytes(BigInt(state)) });

const read = (offset = 0n, length = answerBytes): CallDraft =>
  draft('region-read', { region: messagesRegion, offset, length });

/** What shows whether a message had an effect: a base and the features. */
const probes: readonly (readonly CallDraft[])[] = [
  [sentMessage({ request: 'VHOST_GET_VRING_BASE', payload: stateBytes(0, 0) }, 1), read()],
  [sentMessage({ request: 'VHOST_GET_VRING_BASE', payload: stateBytes(1, 9) }, 1), read()],
  [sentMessage({ request: 'VHOST_GET_FEATURES', payload: nothing }, 1), read()],
  [read()],
  [],
];
const probe = fc.constantFrom(...probes, probes[0] ?? []);

const flags = fc.constantFrom(0, 0, 1, 1, 2, 3, 0x8000_0000, 0xffff_fffe);

/** A message as it should be, and what shows its effect. */
const sound = (offered: bigint): fc.Arbitrary<readonly CallDraft[]> =>
  fc
    .tuple(soundMessage(offered), flags, probe, fc.boolean())
    .map(([message, word, shown, isRead]) => [sentMessage(message, word), ...(isRead ? [read()] : []), ...shown]);

type Flaw = (message: Sound) => readonly [bytes: Uint8Array, offset?: bigint];

const grown = (bytes: Uint8Array, by: number): Uint8Array => {
  const longer = new Uint8Array(Math.max(0, bytes.length + by));
  longer.set(bytes.subarray(0, longer.length));
  return longer;
};

/** Messages that are refused for their form, or for what they ask for. */
const flaws: readonly Flaw[] = [
  ({ request, payload }) => [grown(encodeMdevMessage(request, payload), 1)],
  ({ request, payload }) => [grown(encodeMdevMessage(request, payload), 8)],
  ({ request, payload }) => [encodeMdevMessage(request, payload, { size: payload.length + 1 })],
  ({ request, payload }) => [encodeMdevMessage(request, payload, { size: Math.max(payload.length, 4) - 4 })],
  ({ request, payload }) => [encodeMdevMessage(request, payload, { size: 0x8000_0000 + payload.length })],
  ({ request, payload }) => [encodeMdevMessage(request, payload, { size: 0xffff_fff0 })],
  ({ request, payload }) => [encodeMdevMessage(request, payload), 8n],
  ({ request, payload }) => [encodeMdevMessage(request, payload), 24n],
  ({ request, payload }) => [encodeMdevMessage(request, payload), 0x100n],
  ({ request, payload }) => [encodeMdevMessage(request, payload).slice(0, 12)],
  ({ request, payload }) => [encodeMdevMessage(request, payload).slice(0, 15)],
  ({ request, payload }) => [encodeMdevMessage(request, grown(payload, 4))],
  ({ request, payload }) => [encodeMdevMessage(request, grown(payload, -4))],
  ({ request, payload }) => [encodeMdevMessage(request, grown(payload, 8))],
  ({ request, payload }) => [encodeMdevMessage(request, grown(payload, 1025))],
  ({ request, payload }) => [encodeMdevMessage(BigInt(vhostRequests[request]) + (1n << 32n), payload)],
  ({ request, payload }) => [encodeMdevMessage(BigInt(vhostRequests[request]) + 0x20n, payload)],
  ({ payload }) => [encodeMdevMessage(0x4008_af7fn, payload)],
];

const flawed = (offered: bigint): fc.Arbitrary<readonly CallDraft[]> =>
  fc.tuple(soundMessage(offered), fc.constantFrom(...flaws), probe, probe).map(([message, flaw, before, behind]) => {
    const [bytes, offset] = flaw(message);
    // The answer that waited may be the one that is lost.
    return [...before.slice(0, 1), written(bytes, offset), ...(before.length > 0 ? [read()] : []), ...behind];
  });

/** Reads that are refused, around one that is not. */
const reads: fc.Arbitrary<readonly CallDraft[]> = fc
  .tuple(
    probe,
    fc.array(
      fc.constantFrom(
        read(0n, 23),
        read(0n, 25),
        read(0n, 16),
        read(0n, 32),
        read(0n, 8),
        read(8n),
        read(24n),
        read(0x1000n - 24n),
      ),
      { maxLength: 2 },
    ),
  )
  .map(([asked, wrong]) => [...asked.slice(0, 1), ...wrong, read(), read()]);

/** What a ring is told while its device runs, which is refused: it goes on where it is, also behind a stop and a start. */
export const ringCalls: fc.Arbitrary<readonly CallDraft[]> = fc
  .tuple(
    fc.constantFrom(0, 0, 1),
    fc.constantFrom<VhostRequest>(
      'VHOST_SET_VRING_ADDR',
      'VHOST_SET_VRING_ADDR',
      'VHOST_SET_VRING_NUM',
      'VHOST_SET_VRING_BASE',
    ),
  )
  .map(([ring, request]) => [
    sentMessage({
      request,
      payload: request === 'VHOST_SET_VRING_ADDR' ? addressBytes(ring, 0) : stateBytes(ring, 2),
    }),
  ]);

/** Messages and reads of their region, in pieces of a few calls. */
export const messageCalls = (offered: bigint): fc.Arbitrary<readonly CallDraft[]> =>
  fc.oneof(
    { weight: 5, arbitrary: sound(offered) },
    { weight: 3, arbitrary: flawed(offered) },
    { weight: 1, arbitrary: reads },
  );
