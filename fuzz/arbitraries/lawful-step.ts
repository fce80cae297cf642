import fc from 'fast-check';
import type { CallOf } from '../program/program.ts';
import type { CallDraft } from './call-draft.ts';
import { eventIdx, indirectDesc, packedRing } from './feature-words.ts';
import { plainMessage } from './lawful-messages.ts';
import { mdevCalls, vectorCall } from './mdev-call.ts';
import { messageCalls, ringCalls } from './mdev-message.ts';
import { type CommandStory, commandStory } from './net-commands.ts';
import { type ModelledDevice, storyOf, type Wanted, wantedOf } from './requests.ts';
import type { ToldMessage } from './told-message.ts';
import { vdpaQuietCalls } from './vdpa-call.ts';

export type Step =
  | { readonly kind: 'chains'; readonly chains: readonly Chain[]; readonly waits: 'all' | 'one' | 'none' }
  /** Each chain is awaited before the next one. */
  | { readonly kind: 'story'; readonly chains: readonly Chain[] }
  /** One chain many times. */
  | { readonly kind: 'burst'; readonly chain: Chain; readonly times: number; readonly waits: BurstWaits }
  /** The driver asks for calls behind each used element, none, or one behind some. */
  | { readonly kind: 'ask'; readonly how: 'each' | 'none' | 'at'; readonly after: number; readonly flagged: boolean }
  | { readonly kind: 'stop' }
  /** Chains are added to rings that stopped, or whose device was reset: other rings follow. */
  | { readonly kind: 'rest'; readonly by: 'stop' | 'reset' | 'status'; readonly chain: Chain }
  /** The ring is disabled, and enabled behind a few chains. */
  | { readonly kind: 'pause'; readonly chains: readonly Chain[] }
  /** The session ends while rings run, and the next one has others. */
  | { readonly kind: 'cut'; readonly how: 'close' | 'shutdown-both'; readonly start: number }
  /** Rings begin anew with these features where they had none, and without them where they had. */
  | { readonly kind: 'renegotiate'; readonly features: bigint }
  /** Other rings take the places of those before, perhaps in other memory at the same addresses. */
  | { readonly kind: 'swap'; readonly size: number; readonly start: number; readonly hasOtherMemory: boolean }
  /** A ring without requests stops, or is disabled, and goes on, while the others run. */
  | { readonly kind: 'other'; readonly how: 'stop' | 'disable'; readonly chains: readonly Chain[] }
  /** A ring starts again, and is not enabled: it was enabled, or disabled, while it was stopped. */
  | { readonly kind: 'dormant'; readonly isDisabled: boolean; readonly chain: Chain }
  /** A device of vhost-mdev is stopped with its rings as they are; what waits is used once it starts. */
  | {
      readonly kind: 'halt';
      readonly chain: Chain;
      /** Calls on it while it runs, and while it is stopped. */
      readonly before: readonly CallDraft[];
      readonly drafts: readonly CallDraft[];
      readonly isKicked: boolean;
    }
  /** Of vhost-mdev: a chain that is not told of lies on one ring while another is told of. */
  | { readonly kind: 'untold'; readonly chain: Chain }
  /** The memory of a device of vhost-mdev is taken away while it runs, and comes back, or is told again. */
  | { readonly kind: 'remap'; readonly chain: Chain }
  /** Of net: commands for the device, and frames that show what they came to. */
  | { readonly kind: 'commands'; readonly story: CommandStory }
  /** Calls on a device of vhost-mdev. */
  | { readonly kind: 'calls'; readonly drafts: readonly CallDraft[] }
  | { readonly kind: 'reconnect' }
  /** A session begins with the requests that a back-end before left in flight, and goes on behind them. */
  | {
      readonly kind: 'takeover';
      readonly left: readonly Chain[];
      readonly order: CallOf<'record'>['order'];
      readonly first: bigint;
      readonly behind: readonly Chain[];
    }
  /** While rings run, the session gets another log, or its writes are logged from now on, or no more. */
  | { readonly kind: 'logging'; readonly how: 'base' | 'on' | 'off' }
  /** The state of the device is saved and loaded while no ring runs. */
  | { readonly kind: 'transfer'; readonly transfers: readonly Partial<CallOf<'transfer'>>[] }
  | { readonly kind: 'told'; readonly message: ToldMessage }
  | { readonly kind: 'features'; readonly word: 'device' | 'protocol' }
  /** Windows of configuration that are read, behind a write of the field that a driver may write, where there is one. */
  | {
      readonly kind: 'configuration';
      readonly written: number | undefined;
      /** The write is that of a migration. */
      readonly isMigrated: boolean;
      readonly windows: readonly { readonly offset: number; readonly length: number }[];
    }
  | { readonly kind: 'plain'; readonly what: 'fence' | 'kick' | 'enable' | 'share' };

/**
 * Behind each chain of a burst: nothing while there is room, the chain is awaited, the device has nothing to do any more, so
 * that it serves the next one because it is kicked, or the ring stops and starts.
 */
export type BurstWaits = 'none' | 'all' | 'rest' | 'stop';

export interface Chain {
  readonly wanted: Wanted;
  /** Where the bytes are divided into segments, as parts of their length. */
  readonly cuts: readonly number[];
  /** Where its buffers lie. */
  readonly place: CallOf<'chain'>['segments'][number]['place'];
  /** Of a session with translations: each buffer has one that permits no more than the chain wants. */
  readonly isTold: boolean;
  /** An indirect table has what a device does not look at: WRITE beside INDIRECT, and ids of entries. */
  readonly hasIgnored: boolean;
  readonly isIndirect: boolean;
  /** Of a split ring: its first descriptor stands in the ring, ahead of the one that leads to the table. */
  readonly isMixed: boolean;
  readonly isDescending: boolean;
  readonly isHeld: boolean;
}

/** Powers of two: a packed ring of this many entries may have one less. */
export const ringSize = fc.constantFrom(2, 4, 4, 8, 16, 16, 16, 32, 64, 128, 256, 512, 1024);

/** Where a ring begins; less than 0: so far before its end. */
export const ringStart = fc.oneof(
  { weight: 3, arbitrary: fc.constant(0) },
  { weight: 3, arbitrary: fc.constantFrom(-1, -2, -3, -8) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 160 }) },
  { weight: 1, arbitrary: fc.constantFrom(255, 256, 0x7ffe, 0x8000, 0xff00) },
);

/** A table of many descriptors, up to more than a small queue has. */
const manyCuts = fc
  .constantFrom(6, 12, 17, 40, 130, 200, 200)
  .map((count) => Array.from({ length: count }, (_, n) => 16 + 2 * n));

const chainOf = (device: ModelledDevice): fc.Arbitrary<Chain> => chainFor(wantedOf[device]);

const chainFor = (wanted: fc.Arbitrary<Wanted>): fc.Arbitrary<Chain> =>
  fc.record({
    wanted,
    cuts: fc.oneof(
      { weight: 19, arbitrary: fc.array(fc.constantFrom(0, 1, 4, 15, 16, 17, 100, 512, 528), { maxLength: 3 }) },
      { weight: 3, arbitrary: manyCuts },
    ),
    place: fc.oneof(
      { weight: 12, arbitrary: fc.constant('anywhere' as const) },
      { weight: 1, arbitrary: fc.constantFrom('odd' as const, 'region-end' as const) },
      { weight: 2, arbitrary: fc.constant('across-regions' as const) },
    ),
    isIndirect: fc.boolean(),
    isMixed: fc.nat({ max: 3 }).map((n) => n === 3),
    isTold: fc.boolean(),
    hasIgnored: fc.nat({ max: 5 }).map((n) => n === 5),
    isDescending: fc.boolean(),
    isHeld: fc.integer({ min: 0, max: 3 }).map((n) => n === 0),
  });

/** A chain that any device makes something of: 16 bytes to read in two buffers, and room in two. */
export const plainChain: fc.Arbitrary<Chain> = chainFor(fc.constant({ readable: new Uint8Array(16), room: 513 })).map(
  (chain) => ({ ...chain, cuts: [8, 512], isHeld: false }),
);

/** The requests of a story in chains of one shape. */
const storySteps = (device: ModelledDevice): fc.WeightedArbitrary<Step>[] => {
  const story = storyOf[device];
  if (story === undefined) return [];
  const shape = chainFor(fc.constant({ readable: new Uint8Array(0), room: 0 }));
  return [
    {
      weight: 1,
      arbitrary: fc
        // A counterexample may need the first one alone.
        .tuple(story, shape, fc.nat({ max: 7 }))
        .map(([all, chain, length]) => ({
          kind: 'story' as const,
          chains: all.slice(0, length === 0 ? 1 : all.length).map((wanted) => ({ ...chain, wanted })),
        })),
    },
  ];
};

/** Of vhost-mdev: the vector of a ring loses its descriptor, or gets another. */
const vectorStep: fc.WeightedArbitrary<Step> = {
  weight: 1,
  arbitrary: fc
    .tuple(fc.constantFrom(0, 1), fc.constantFrom('none' as const, 'none' as const, 'eventfd' as const))
    .map(([start, kind]) => ({ kind: 'calls' as const, drafts: [vectorCall(start, kind)] })),
};

const ringStep = (device: ModelledDevice): fc.WeightedArbitrary<Step>[] => [
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('chains' as const),
      chains: fc.array(chainOf(device), { minLength: 1, maxLength: 4 }),
      waits: fc.constantFrom('all' as const, 'all' as const, 'one' as const, 'none' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('burst' as const),
      chain: chainOf(device),
      times: fc.constantFrom(2, 6, 6, 13, 13, 20, 20, 40, 160),
      waits: fc.constantFrom(
        'none' as const,
        'none' as const,
        'none' as const,
        'all' as const,
        'rest' as const,
        'stop' as const,
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('pause' as const),
      chains: fc.array(chainOf(device), { minLength: 1, maxLength: 3 }),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ kind: 'stop' as const }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('ask' as const),
      how: fc.constantFrom('at' as const, 'at' as const, 'none' as const, 'each' as const),
      after: fc.constantFrom(0, 1, 2, 3, 5),
      flagged: fc.nat({ max: 2 }).map((n) => n === 2),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('rest' as const),
      by: fc.constantFrom('stop' as const, 'stop' as const, 'reset' as const, 'status' as const),
      chain: chainOf(device),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('cut' as const),
      how: fc.constantFrom('close' as const, 'shutdown-both' as const),
      start: ringStart,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('renegotiate' as const),
      features: fc.constantFrom(
        indirectDesc,
        eventIdx,
        indirectDesc | eventIdx,
        packedRing,
        packedRing,
        packedRing | eventIdx,
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('swap' as const),
      size: ringSize,
      start: ringStart,
      hasOtherMemory: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('other' as const),
      how: fc.constantFrom('stop' as const, 'disable' as const),
      chains: fc.array(chainOf(device), { minLength: 1, maxLength: 2 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'reconnect' as const }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('plain' as const),
      what: fc.constantFrom('fence' as const, 'kick' as const, 'enable' as const, 'share' as const),
    }),
  },
  ...storySteps(device),
];

/** Where fields of configuration end, up to the last one that devices of today have. */
const fieldEnds = [8, 12, 17, 20, 24, 36, 60, 60, 72, 72] as const;

const configurationWindow = fc.oneof(
  fc.record({ offset: fc.integer({ min: 0, max: 40 }), length: fc.integer({ min: 1, max: 20 }) }),
  fc.constantFrom(...fieldEnds).map((length) => ({ offset: 0, length })),
);

/** Saved, perhaps loaded, and perhaps once more. */
const transfers = fc
  .array(
    fc.record({
      how: fc.constantFrom('save' as const, 'load' as const),
      phase: fc.constantFrom(0, 0, 0, 0, 1),
      pieces: fc.constantFrom(1, 2, 3),
      less: fc.constantFrom(0, 0, 0, 1),
    }),
    { minLength: 1, maxLength: 3 },
  )
  .map((each) => ({ kind: 'transfer' as const, transfers: [{ how: 'save' as const }, ...each] }));

/** What a session of vhost-user has beside its rings. */
const messageSteps: fc.WeightedArbitrary<Step>[] = [
  { weight: 1, arbitrary: transfers },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom('base' as const, 'on' as const, 'on' as const, 'off' as const)
      .map((how) => ({ kind: 'logging' as const, how })),
  },
  { weight: 5, arbitrary: plainMessage.map((message) => ({ kind: 'told' as const, message })) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('device' as const, 'protocol' as const)
      .map((word) => ({ kind: 'features' as const, word })),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('configuration' as const),
      written: fc.constantFrom(undefined, undefined, 0, 1),
      isMigrated: fc.boolean(),
      windows: fc.array(configurationWindow, { minLength: 1, maxLength: 3 }),
    }),
  },
];

const takeover = (device: ModelledDevice): fc.Arbitrary<Step> =>
  fc.record({
    kind: fc.constant('takeover' as const),
    left: fc.array(chainOf(device), { minLength: 1, maxLength: 4 }),
    order: fc.constantFrom('rising' as const, 'falling' as const, 'rotated' as const),
    first: fc.constantFrom(0n, 1n, 0xfen, 0xffffn, 1n << 40n),
    behind: fc.array(chainOf(device), { maxLength: 3 }),
  });

/** A step with rings of a device, on a session of vhost-user. */
export const stepOf = (device: ModelledDevice): fc.Arbitrary<Step> =>
  fc.oneof(
    { withCrossShrink: true },
    ...ringStep(device),
    ...messageSteps,
    { weight: 1, arbitrary: takeover(device) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('dormant' as const), isDisabled: fc.boolean(), chain: chainOf(device) }),
    },
  );

/** The same on a device of vhost-mdev. @param offered its features. */
export const mdevStepOf = (device: ModelledDevice, offered: bigint): fc.Arbitrary<Step> =>
  fc.oneof(
    ...ringStep(device),
    {
      weight: 8,
      arbitrary: mdevCalls(offered).map((drafts) => ({ kind: 'calls' as const, drafts })),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('halt' as const),
        chain: chainOf(device),
        before: fc.oneof(fc.constant([]), messageCalls(offered), ringCalls),
        drafts: fc.oneof(fc.constant([]), messageCalls(offered)),
        isKicked: fc.boolean(),
      }),
    },
    {
      weight: 1,
      arbitrary: chainOf(device).map((chain) => ({ kind: 'burst' as const, chain, times: 45, waits: 'rest' as const })),
    },
    { weight: 1, arbitrary: chainOf(device).map((chain) => ({ kind: 'untold' as const, chain })) },
    { weight: 1, arbitrary: chainOf(device).map((chain) => ({ kind: 'remap' as const, chain })) },
    vectorStep,
  );

export const commandStep: fc.Arbitrary<Step> = commandStory.map((story) => ({ kind: 'commands' as const, story }));

/** The same on a device of vhost-vdpa. */
export const vdpaStepOf = (device: ModelledDevice): fc.Arbitrary<Step> =>
  fc.oneof(
    ...ringStep(device),
    { weight: 3, arbitrary: vdpaQuietCalls.map((drafts) => ({ kind: 'calls' as const, drafts })) },
    ...(device === 'net' ? [{ weight: 6, arbitrary: commandStep }] : []),
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('pause' as const),
        chains: fc.array(chainOf(device), { minLength: 1, maxLength: 2 }),
      }),
    },
  );
