import type { Guest } from '../../../drivers/port/port.ts';
import {
  VIRTIO_NET_CTRL_ANNOUNCE,
  VIRTIO_NET_CTRL_ANNOUNCE_ACK,
  VIRTIO_NET_CTRL_MAC,
  VIRTIO_NET_CTRL_MAC_ADDR_SET,
  VIRTIO_NET_CTRL_MAC_TABLE_SET,
  VIRTIO_NET_CTRL_MQ,
  VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET,
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

function commandOf(guest: Guest, header: readonly [group: number, command: number], bytes: Uint8Array): ControlCommand {
  const command = guest.allocate({ size: header.length });
  const data = bytes.length === 0 ? [] : [guest.allocate({ size: bytes.length })];
  const answer = guest.allocate({ size: 1 });
  command.store(Uint8Array.from(header));
  for (const span of data) span.store(bytes);
  answer.store(Uint8Array.of(unanswered));
  return {
    segments: [readable(command), ...data.map((span) => readable(span)), writable(answer)],
    acknowledgement: () => answer.load()[0] ?? unanswered,
  };
}
