import type { CoalescedQueues, Coalescing } from './net-coalescing.ts';
import type { FilterState } from './net-filter.ts';
import { type FilterCommands, filterCommandOf } from './net-filter-commands.ts';
import {
  CONTROL_HEADER_SIZE,
  MAC_SIZE,
  netConfig,
  VIRTIO_NET_CTRL_ANNOUNCE,
  VIRTIO_NET_CTRL_ANNOUNCE_ACK,
  VIRTIO_NET_CTRL_MAC,
  VIRTIO_NET_CTRL_MAC_ADDR_SET,
  VIRTIO_NET_CTRL_MQ,
  VIRTIO_NET_CTRL_MQ_HASH_CONFIG,
  VIRTIO_NET_CTRL_MQ_RSS_CONFIG,
  VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET,
  VIRTIO_NET_CTRL_NOTF_COAL,
  VIRTIO_NET_CTRL_NOTF_COAL_RX_SET,
  VIRTIO_NET_CTRL_NOTF_COAL_TX_SET,
  VIRTIO_NET_CTRL_NOTF_COAL_VQ_GET,
  VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET,
  VIRTIO_NET_ERR,
  VIRTIO_NET_F_CTRL_MAC_ADDR,
  VIRTIO_NET_F_GUEST_ANNOUNCE,
  VIRTIO_NET_F_HASH_REPORT,
  VIRTIO_NET_F_MQ,
  VIRTIO_NET_F_NOTF_COAL,
  VIRTIO_NET_F_RSS,
  VIRTIO_NET_F_VQ_NOTF_COAL,
  VIRTIO_NET_OK,
} from './net-layout.ts';
import type { Steering } from './net-steering.ts';
import { decodeHashConfig, decodeRssConfig } from './rss-config.ts';

/** Commands of the control queue of a network device (virtio 5.1.9.5). */

/** What commands work on. */
export interface ControlledNet {
  /** What was negotiated. */
  readonly features: bigint;
  readonly config: Uint8Array;
  readonly steering: Steering;
  readonly filter: FilterState;
  readonly coalescing: Coalescing;
  readonly queues: CoalescedQueues;
  /** Frames for receive queues that are not in use any more are given up. */
  dropUnused(pairs: number): void;
  /** The driver announced itself, as `status` of configuration asked. */
  announced(): void;
}

interface ControlCommand {
  /** It is known where one of these bits was negotiated. */
  readonly features: bigint;
  /** Bytes of its data, at least. */
  readonly bytes: number;
  /** Whether it was carried out, or its result; `data` has as many bytes as the command needs. */
  readonly carryOut: (net: ControlledNet, data: DataView) => boolean | Uint8Array;
}

const keyOf = (group: number, command: number): number => (group << 8) | command;

const commands: ReadonlyMap<number, ControlCommand> = new Map<number, ControlCommand>([
  [
    keyOf(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET),
    {
      features: VIRTIO_NET_F_CTRL_MAC_ADDR,
      bytes: MAC_SIZE,
      // The address is in configuration by a rule of its own.
      carryOut: () => true,
    },
  ],
  [
    keyOf(VIRTIO_NET_CTRL_ANNOUNCE, VIRTIO_NET_CTRL_ANNOUNCE_ACK),
    {
      features: VIRTIO_NET_F_GUEST_ANNOUNCE,
      bytes: 0,
      carryOut: ({ announced }) => {
        announced();
        return true;
      },
    },
  ],
  [
    keyOf(VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET),
    {
      features: VIRTIO_NET_F_MQ,
      bytes: 2,
      carryOut: ({ steering, dropUnused }, data) => {
        const pairs = data.getUint16(0, true);
        const isSet = steering.setPairs(pairs);
        if (isSet) dropUnused(pairs);
        return isSet;
      },
    },
  ],
  [
    keyOf(VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_RSS_CONFIG),
    {
      features: VIRTIO_NET_F_RSS,
      bytes: 0,
      carryOut: ({ steering }, data) => {
        const rss = decodeRssConfig(data, steering.most);
        return rss !== undefined && steering.setRss(rss);
      },
    },
  ],
  [
    keyOf(VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_HASH_CONFIG),
    {
      features: VIRTIO_NET_F_HASH_REPORT,
      bytes: 0,
      carryOut: ({ steering }, data) => {
        const hashes = decodeHashConfig(data);
        return hashes !== undefined && steering.setHashes(hashes);
      },
    },
  ],
  ...coalescing(VIRTIO_NET_F_NOTF_COAL, VIRTIO_NET_CTRL_NOTF_COAL_TX_SET, VIRTIO_NET_CTRL_NOTF_COAL_RX_SET),
  ...coalescing(VIRTIO_NET_F_VQ_NOTF_COAL, VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET, VIRTIO_NET_CTRL_NOTF_COAL_VQ_GET),
]);

/** What the control queue does by choice. */
export interface ControlRules {
  /** Whether a command of this class and number sets the address that configuration shows, before it is used. */
  readonly setsAddress: (group: number, command: number) => boolean;
  /** What is done for a command on the receive filter before it is used. */
  readonly filterCommands: FilterCommands;
}

function coalescing(features: bigint, ...numbers: readonly number[]): [number, ControlCommand][] {
  return numbers.map((number) => [
    keyOf(VIRTIO_NET_CTRL_NOTF_COAL, number),
    { features, bytes: 0, carryOut: (net, data) => net.coalescing.command(number, data, net.queues) },
  ]);
}

/** Carries out a command of `class`, `command` and data; what is written for it, the acknowledgement first. */
export function carryOut(net: ControlledNet, command: Uint8Array, rules: ControlRules): Uint8Array {
  const [group = 0, number = 0] = command;
  const data = command.subarray(CONTROL_HEADER_SIZE);
  if (rules.setsAddress(group, number)) net.config.set(data.subarray(0, MAC_SIZE), netConfig.mac);
  const ofFilter = filterCommandOf(rules.filterCommands, group, number, net.features);
  if (ofFilter !== undefined) return acknowledged(ofFilter.carryOut(net.filter, data));
  const known = commands.get(keyOf(group, number));
  const outcome =
    known !== undefined &&
    (net.features & known.features) !== 0n &&
    data.length >= known.bytes &&
    known.carryOut(net, new DataView(data.buffer, data.byteOffset, data.length));
  return typeof outcome === 'boolean' ? acknowledged(outcome) : Uint8Array.of(VIRTIO_NET_OK, ...outcome);
}

const acknowledged = (isDone: boolean): Uint8Array => Uint8Array.of(isDone ? VIRTIO_NET_OK : VIRTIO_NET_ERR);
