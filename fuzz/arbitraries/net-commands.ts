import fc from 'fast-check';
import {
  VIRTIO_NET_CTRL_MAC,
  VIRTIO_NET_CTRL_MAC_ADDR_SET,
  VIRTIO_NET_CTRL_MAC_TABLE_SET,
  VIRTIO_NET_CTRL_MQ,
  VIRTIO_NET_CTRL_MQ_HASH_CONFIG,
  VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET,
  VIRTIO_NET_CTRL_NOTF_COAL,
  VIRTIO_NET_CTRL_NOTF_COAL_RX_SET,
  VIRTIO_NET_CTRL_NOTF_COAL_TX_SET,
  VIRTIO_NET_CTRL_NOTF_COAL_VQ_GET,
  VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET,
  VIRTIO_NET_CTRL_RX,
  VIRTIO_NET_CTRL_RX_ALLMULTI,
  VIRTIO_NET_CTRL_RX_ALLUNI,
  VIRTIO_NET_CTRL_RX_NOBCAST,
  VIRTIO_NET_CTRL_RX_NOMULTI,
  VIRTIO_NET_CTRL_RX_NOUNI,
  VIRTIO_NET_CTRL_RX_PROMISC,
  VIRTIO_NET_CTRL_VLAN,
  VIRTIO_NET_CTRL_VLAN_ADD,
  VIRTIO_NET_CTRL_VLAN_DEL,
  VIRTIO_NET_F_CTRL_MAC_ADDR,
  VIRTIO_NET_F_CTRL_RX,
  VIRTIO_NET_F_CTRL_RX_EXTRA,
  VIRTIO_NET_F_CTRL_VLAN,
  VIRTIO_NET_F_CTRL_VQ,
  VIRTIO_NET_F_HASH_REPORT,
  VIRTIO_NET_F_MQ,
  VIRTIO_NET_F_NOTF_COAL,
  VIRTIO_NET_F_VQ_NOTF_COAL,
} from '../../reference-impl/devices/net-layout.ts';

/** Commands for a network device (virtio 5.1.9.5), and frames that show what they came to. */

/** A command that a device has with a feature. */
export interface NetCommand {
  readonly feature: bigint;
  readonly bytes: Uint8Array;
  /** Bytes for the acknowledgement and what stands behind it. */
  readonly room: number;
  /** Frames that are sent behind it, each on a pair. */
  readonly frames?: readonly { readonly frame: Uint8Array; readonly pair: number }[];
}

/** Commands one after another, and the frames that are sent behind them. */
export interface CommandStory {
  readonly commands: readonly NetCommand[];
  /** Behind the header. */
  readonly frames: readonly Uint8Array[];
  /** Another session begins behind them, with these commands and the same frames. */
  readonly again: readonly NetCommand[] | undefined;
}

const filtering = VIRTIO_NET_F_CTRL_VQ | VIRTIO_NET_F_CTRL_RX;

/** What a session accepts that has a queue for commands. With HASH_REPORT received frames have another header. */
export const commandFeatures: fc.Arbitrary<bigint> = fc
  .tuple(
    fc.constantFrom(
      filtering,
      filtering | VIRTIO_NET_F_CTRL_RX_EXTRA,
      filtering | VIRTIO_NET_F_CTRL_RX_EXTRA,
      filtering | VIRTIO_NET_F_CTRL_RX_EXTRA | VIRTIO_NET_F_CTRL_VLAN,
      filtering | VIRTIO_NET_F_CTRL_VLAN,
      VIRTIO_NET_F_CTRL_VQ | VIRTIO_NET_F_CTRL_VLAN,
      VIRTIO_NET_F_CTRL_VQ,
    ),
    fc.constantFrom(0n, VIRTIO_NET_F_CTRL_MAC_ADDR, VIRTIO_NET_F_CTRL_MAC_ADDR),
    fc.constantFrom(0n, VIRTIO_NET_F_NOTF_COAL | VIRTIO_NET_F_VQ_NOTF_COAL),
    fc.nat({ max: 9 }).map((n) => (n < 9 ? 0n : VIRTIO_NET_F_HASH_REPORT)),
  )
  .map((words) => words.reduce((all, word) => all | word, 0n));

const command = (group: number, number: number, feature: bigint, data: readonly number[], room = 1): NetCommand => ({
  feature,
  bytes: Uint8Array.of(group, number, ...data),
  room,
});

type Mac = readonly number[];

const stations: readonly Mac[] = [
  [2, 0, 0, 0, 0, 0xa],
  [2, 0, 0, 0, 0, 0xb],
  [2, 0, 0, 0, 0, 0xc],
];
const groups: readonly Mac[] = [
  [0x33, 0x33, 0, 0, 0, 1],
  [1, 0, 0x5e, 0, 0, 2],
];
const everyone: Mac = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
const vlans = [1, 100, 0xffe] as const;

const mode = (number: number, isOn: boolean): NetCommand => {
  const isPlain = number === VIRTIO_NET_CTRL_RX_PROMISC || number === VIRTIO_NET_CTRL_RX_ALLMULTI;
  const feature = isPlain ? VIRTIO_NET_F_CTRL_RX : VIRTIO_NET_F_CTRL_RX_EXTRA;
  return command(VIRTIO_NET_CTRL_RX, number, feature, [isOn ? 1 : 0]);
};

const counted = (macs: readonly Mac[]): number[] => [macs.length, 0, 0, 0, ...macs.flat()];

const table: fc.Arbitrary<NetCommand> = fc
  .tuple(fc.subarray([...stations]), fc.subarray([...groups]), fc.boolean())
  .map(([unicast, multicast, isEmpty]) => {
    const data = isEmpty ? [...counted([]), ...counted([])] : [...counted(unicast), ...counted(multicast)];
    return command(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, VIRTIO_NET_F_CTRL_RX, data);
  });

const address: fc.Arbitrary<NetCommand> = fc
  .constantFrom(...stations)
  .map((mac) => command(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, VIRTIO_NET_F_CTRL_MAC_ADDR, mac));

const vlan: fc.Arbitrary<NetCommand> = fc
  .tuple(
    fc.constantFrom(VIRTIO_NET_CTRL_VLAN_ADD, VIRTIO_NET_CTRL_VLAN_ADD, VIRTIO_NET_CTRL_VLAN_DEL),
    fc.nat({ max: 2 }),
  )
  .map(([how, n]) => {
    const number = vlans[n] ?? 1;
    return command(VIRTIO_NET_CTRL_VLAN, how, VIRTIO_NET_F_CTRL_VLAN, [number & 0xff, number >> 8]);
  });

const modes: fc.Arbitrary<NetCommand> = fc
  .tuple(
    fc.constantFrom(
      VIRTIO_NET_CTRL_RX_PROMISC,
      VIRTIO_NET_CTRL_RX_ALLMULTI,
      VIRTIO_NET_CTRL_RX_ALLUNI,
      VIRTIO_NET_CTRL_RX_NOMULTI,
      VIRTIO_NET_CTRL_RX_NOUNI,
      VIRTIO_NET_CTRL_RX_NOBCAST,
    ),
    fc.boolean(),
  )
  .map(([number, isOn]) => mode(number, isOn));

/** All modes are told, which are open behind a reset. In promiscuous mode the others show little. */
const allModes: fc.Arbitrary<readonly NetCommand[]> = fc
  .tuple(
    fc.nat({ max: 3 }).map((n) => n === 3),
    fc.array(fc.boolean(), { minLength: VIRTIO_NET_CTRL_RX_NOBCAST, maxLength: VIRTIO_NET_CTRL_RX_NOBCAST }),
  )
  .map(([isPromiscuous, others]) => [isPromiscuous, ...others].map((isOn, number) => mode(number, isOn)));

/** Each destination has the same chance; a tag of 802.1Q stands behind the addresses. */
const frame: fc.Arbitrary<Uint8Array> = fc
  .tuple(
    fc.constantFrom(...stations, ...groups, everyone),
    fc.constantFrom(undefined, undefined, ...vlans),
    fc.constantFrom(...stations),
    fc.integer({ min: 0, max: 255 }),
  )
  .map(([to, tag, from, byte]) => {
    const type = [...(tag === undefined ? [] : [0x81, 0, tag >> 8, tag & 0xff]), 0x88, 0xb5];
    return Uint8Array.of(...to, ...from, ...type, ...new Array<number>(46).fill(byte));
  });

const promiscuousOff = [mode(VIRTIO_NET_CTRL_RX_PROMISC, false)];

const filterStory: fc.Arbitrary<CommandStory> = fc
  .record({
    begin: fc.oneof(allModes, allModes, fc.constantFrom([], promiscuousOff)),
    commands: fc.array(fc.oneof(table, table, vlan, vlan, modes, address), { maxLength: 5 }),
    frames: fc.array(frame, { minLength: 3, maxLength: 8 }),
    again: fc.option(fc.oneof(fc.constant(promiscuousOff), allModes), { freq: 2, nil: undefined }),
  })
  .map(({ begin, commands, ...behind }) => ({ commands: [...begin, ...commands], ...behind }));

const word = (value: number): number[] => [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];
const half = (value: number): number[] => [value & 0xff, value >> 8];

const parameters = fc
  .constantFrom(
    [0, 0] as const,
    [1, 1] as const,
    [8, 50] as const,
    [300, 10_000] as const,
    [0xffff_ffff, 0xffff] as const,
  )
  .map(([packets, usecs]) => [...word(packets), ...word(usecs)]);

/** Those of a pair, the queue for commands, and some that no device has. */
const queue = fc.constantFrom(0, 1, 0, 1, 2, 3, 0x7fff);

const coalescing: fc.Arbitrary<readonly NetCommand[]> = fc
  .record({
    how: fc.nat({ max: 4 }),
    queue,
    data: parameters,
    reserved: fc.constantFrom(0, 0, 1, 0x8000),
  })
  .map(({ how, queue, data, reserved }) => {
    const get = command(
      VIRTIO_NET_CTRL_NOTF_COAL,
      VIRTIO_NET_CTRL_NOTF_COAL_VQ_GET,
      VIRTIO_NET_F_VQ_NOTF_COAL,
      [...half(queue), 0, 0],
      9,
    );
    const set = (beside: number): NetCommand =>
      command(VIRTIO_NET_CTRL_NOTF_COAL, VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET, VIRTIO_NET_F_VQ_NOTF_COAL, [
        ...half(queue),
        ...half(beside),
        ...data,
      ]);
    const ofAll = (number: number): NetCommand =>
      command(VIRTIO_NET_CTRL_NOTF_COAL, number, VIRTIO_NET_F_NOTF_COAL, data);
    switch (how) {
      case 0:
        return [get];
      case 1:
        return [ofAll(VIRTIO_NET_CTRL_NOTF_COAL_TX_SET), get];
      case 2:
        return [ofAll(VIRTIO_NET_CTRL_NOTF_COAL_RX_SET), get];
      case 3:
        return [set(0), set(reserved), get];
      default:
        return [set(reserved), get];
    }
  });

const coalescingStory: fc.Arbitrary<CommandStory> = fc
  .record({
    commands: fc.array(coalescing, { minLength: 1, maxLength: 4 }),
    again: fc.option(coalescing, { freq: 2, nil: undefined }),
  })
  .map(({ commands, again }) => ({ commands: commands.flat(), frames: [], again }));

/** Few flows, told by their source, and of each frame another last byte. */
const flowFrame = (flow: number, byte: number): Uint8Array =>
  Uint8Array.of(...everyone, ...(stations[flow] ?? everyone), 0x88, 0xb5, ...new Array<number>(45).fill(0), byte);

/** A number of pairs, and frames of few flows on each of them. */
const pairsCommand = fc.constantFrom(1, 2, 2).chain((pairs) =>
  fc.record({
    pairs: fc.constant(pairs),
    sent: fc.array(fc.record({ pair: fc.nat({ max: pairs - 1 }), flow: fc.nat({ max: 1 }) }), {
      minLength: 1,
      maxLength: 5,
    }),
  }),
);

/** Pairs come into use, and go. Another session has the first one alone. */
const pairsStory: fc.Arbitrary<CommandStory> = fc
  .record({
    told: fc.array(pairsCommand, { minLength: 1, maxLength: 4 }),
    again: fc.option(fc.constant([]), { freq: 2, nil: undefined }),
  })
  .map(({ told, again }) => {
    let frames = 0;
    return {
      commands: told.map(({ pairs, sent }) => ({
        ...command(VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, VIRTIO_NET_F_MQ, half(pairs)),
        frames: sent.map(({ pair, flow }) => ({ frame: flowFrame(flow, frames++), pair })),
      })),
      frames: [0, 1, 0].map((flow) => flowFrame(flow, frames++)),
      again,
    };
  });

/** No types, and a key of as many bytes as every device takes. */
const hashStory: fc.Arbitrary<CommandStory> = fc.constant({
  commands: [
    command(VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_HASH_CONFIG, VIRTIO_NET_F_HASH_REPORT, [
      ...new Array<number>(12).fill(0),
      40,
      ...new Array<number>(40).fill(0x6d),
    ]),
  ],
  frames: [],
  again: undefined,
});

export const commandStory: fc.Arbitrary<CommandStory> = fc.oneof(
  { weight: 7, arbitrary: filterStory },
  { weight: 3, arbitrary: coalescingStory },
  { weight: 2, arbitrary: hashStory },
  { weight: 4, arbitrary: pairsStory },
);
