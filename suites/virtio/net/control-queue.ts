import type { Guest } from '../../../drivers/port/port.ts';
import {
  VIRTIO_NET_CTRL_ANNOUNCE,
  VIRTIO_NET_CTRL_ANNOUNCE_ACK,
  VIRTIO_NET_CTRL_MAC,
  VIRTIO_NET_CTRL_MAC_ADDR_SET,
  VIRTIO_NET_CTRL_MAC_TABLE_SET,
  VIRTIO_NET_CTRL_MQ,
  VIRTIO_NET_CTRL_MQ_HASH_CONFIG,
  VIRTIO_NET_CTRL_MQ_RSS_CONFIG,
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
} from '../../../reference-impl/devices/net-layout.ts';
import { readable, type Segment, writable } from '../../../reference-impl/virtqueue/segment.ts';
import type { CaseContext, VariantAxes } from '../../case.ts';

/** The queue for commands of a network device where MQ was not negotiated (virtio 5.1.2, 5.1.9.5). */
export const controlQueueIndex = 2;

/** What cases on the control queue negotiate. */
export const controlFeatures = ['VIRTIO_NET_F_CTRL_VQ', 'VIRTIO_NET_F_CTRL_MAC_ADDR'] as const;

/** What lies where the device acknowledges a command, until it does. */
const unanswered = 0xff;

export interface ControlCommand {
  readonly segments: readonly Segment[];
  /** VIRTIO_NET_OK, VIRTIO_NET_ERR, or 255 while there is none. */
  acknowledgement(): number;
  /** What the device wrote behind it, as much as there is room for. */
  result(): Uint8Array;
}

/** The command that gives the device an address, in a guest's memory. */
export const setAddress = (guest: Guest, mac: Uint8Array): ControlCommand =>
  commandOf(guest, [VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET], mac);

/** The command that asks for so many pairs of rings. */
export const setPairs = (guest: Guest, pairs: number): ControlCommand =>
  commandOf(guest, [VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET], Uint8Array.of(pairs & 0xff, pairs >> 8));

/** The modes of a receive filter, by what switches them. */
export const receiveModes = {
  PROMISC: VIRTIO_NET_CTRL_RX_PROMISC,
  ALLMULTI: VIRTIO_NET_CTRL_RX_ALLMULTI,
  ALLUNI: VIRTIO_NET_CTRL_RX_ALLUNI,
  NOMULTI: VIRTIO_NET_CTRL_RX_NOMULTI,
  NOUNI: VIRTIO_NET_CTRL_RX_NOUNI,
  NOBCAST: VIRTIO_NET_CTRL_RX_NOBCAST,
} as const;
export type ReceiveMode = keyof typeof receiveModes;

/** The command that switches a mode. */
export const setMode = (guest: Guest, mode: ReceiveMode, isOn: boolean): ControlCommand =>
  commandOf(guest, [VIRTIO_NET_CTRL_RX, receiveModes[mode]], Uint8Array.of(isOn ? 1 : 0));

/** The command that gives the device a table of addresses. */
export function setMacTable(
  guest: Guest,
  unicast: readonly (readonly number[])[],
  multicast: readonly (readonly number[])[],
): ControlCommand {
  const counted = (table: readonly (readonly number[])[]): number[] => [table.length, 0, 0, 0, ...table.flat()];
  const data = Uint8Array.from([...counted(unicast), ...counted(multicast)]);
  return commandOf(guest, [VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET], data);
}

/** The command that acknowledges a request to announce the driver. */
export const acknowledgeAnnouncement = (guest: Guest): ControlCommand =>
  commandOf(guest, [VIRTIO_NET_CTRL_ANNOUNCE, VIRTIO_NET_CTRL_ANNOUNCE_ACK], new Uint8Array());

/** The command that adds a VLAN to the table, or removes it. */
export const changeVlans = (guest: Guest, change: 'ADD' | 'DEL', vlan: number): ControlCommand =>
  commandOf(
    guest,
    [VIRTIO_NET_CTRL_VLAN, change === 'ADD' ? VIRTIO_NET_CTRL_VLAN_ADD : VIRTIO_NET_CTRL_VLAN_DEL],
    Uint8Array.of(vlan & 0xff, vlan >> 8),
  );

/** Attaches the queue for commands, at this index. What it answers: has a command carried out, gives its acknowledgement. */
export function commandQueue(
  { driver, guest }: Pick<CaseContext<string, VariantAxes>, 'driver' | 'guest'>,
  index: number = controlQueueIndex,
): (command: ControlCommand) => number {
  const queue = driver.attach(guest.ring({ layout: driver.layout, size: 16 }), { index });
  return (command) => {
    queue.makeAvailable([command.segments]);
    queue.kickAndWaitForUsed(1);
    return command.acknowledgement();
  };
}

export interface Hashes {
  /** VIRTIO_NET_HASH_TYPE_ */
  readonly types: number;
  readonly key: Uint8Array;
}

/** The command that has received packets hashed. */
export const setHash = (guest: Guest, { types, key }: Hashes): ControlCommand =>
  commandOf(
    guest,
    [VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_HASH_CONFIG],
    Uint8Array.of(...le32(types), ...new Uint8Array(8), key.length, ...key),
  );

/** Pairs count from 0, which is bits 1 to 16 of the index of their receive queue. */
export interface Rss extends Hashes {
  /** As many entries as a power of two. */
  readonly table: readonly number[];
  readonly unclassified: number;
  /** How many transmit queues the driver uses. */
  readonly transmitQueues: number;
}

/** The command that has received packets hashed and directed to queues by their hash. */
export const setRss = (guest: Guest, { types, table, unclassified, transmitQueues, key }: Rss): ControlCommand =>
  commandOf(
    guest,
    [VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_RSS_CONFIG],
    Uint8Array.of(
      ...le32(types),
      ...[table.length - 1, unclassified, ...table, transmitQueues].flatMap(le16),
      key.length,
      ...key,
    ),
  );

const le16 = (value: number): number[] => [value & 0xff, value >> 8];
const le32 = (value: number): number[] => [...le16(value & 0xffff), ...le16(value >>> 16)];

/** Parameters of coalescing. */
export interface Coalescing {
  readonly maxPackets: number;
  readonly maxUsecs: number;
}

const encoded = ({ maxPackets, maxUsecs }: Coalescing): number[] => [...le32(maxPackets), ...le32(maxUsecs)];

/** The command that sets the parameters of all queues of a direction. */
export const setCoalescing = (guest: Guest, direction: 'receive' | 'transmit', asked: Coalescing): ControlCommand =>
  commandOf(
    guest,
    [
      VIRTIO_NET_CTRL_NOTF_COAL,
      direction === 'receive' ? VIRTIO_NET_CTRL_NOTF_COAL_RX_SET : VIRTIO_NET_CTRL_NOTF_COAL_TX_SET,
    ],
    Uint8Array.from(encoded(asked)),
  );

/** The command that sets those of one queue. */
export const setQueueCoalescing = (guest: Guest, queue: number, asked: Coalescing, reserved = 0): ControlCommand =>
  commandOf(
    guest,
    [VIRTIO_NET_CTRL_NOTF_COAL, VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET],
    Uint8Array.of(...le16(queue), ...le16(reserved), ...encoded(asked)),
  );

/** The command that reads those of one queue, with what it read. */
export function coalescingOf(guest: Guest, queue: number): ControlCommand & { readonly parameters: () => Coalescing } {
  const command = commandOf(
    guest,
    [VIRTIO_NET_CTRL_NOTF_COAL, VIRTIO_NET_CTRL_NOTF_COAL_VQ_GET],
    Uint8Array.of(...le16(queue), 0, 0),
    8,
  );
  return {
    ...command,
    parameters: () => {
      const { buffer, byteOffset } = command.result();
      const view = new DataView(buffer, byteOffset);
      return { maxPackets: view.getUint32(0, true), maxUsecs: view.getUint32(4, true) };
    },
  };
}

function commandOf(
  guest: Guest,
  header: readonly [group: number, command: number],
  bytes: Uint8Array,
  resultBytes = 0,
): ControlCommand {
  const command = guest.allocate({ size: header.length });
  const data = bytes.length === 0 ? [] : [guest.allocate({ size: bytes.length })];
  const answer = guest.allocate({ size: 1 + resultBytes });
  command.store(Uint8Array.from(header));
  for (const span of data) span.store(bytes);
  answer.fill(unanswered);
  return {
    segments: [readable(command), ...data.map((span) => readable(span)), writable(answer)],
    acknowledgement: () => answer.load()[0] ?? unanswered,
    result: () => answer.load().slice(1),
  };
}
