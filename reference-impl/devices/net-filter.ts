import { MAC_SIZE, VIRTIO_NET_F_CTRL_RX, VIRTIO_NET_F_CTRL_VLAN } from './net-layout.ts';

/** Which frames reach the driver: the modes and the tables of a receive filter (virtio 5.1.9.5.1 to 5.1.9.5.3). */

/** What a command switches on and off, by the name of the command. */
export type ReceiveMode = 'PROMISC' | 'ALLMULTI' | 'ALLUNI' | 'NOMULTI' | 'NOUNI' | 'NOBCAST';

/** What the driver told of the filter. A MAC address stands as text. */
export class FilterState {
  readonly modes = new Set<ReceiveMode>();
  macTable: ReadonlySet<string> = new Set();
  readonly vlans = new Set<number>();
}

/** A frame, and what it is held against. */
export interface FilteredFrame {
  readonly kind: 'unicast' | 'multicast' | 'broadcast';
  readonly destination: string;
  /** Of a frame with an 802.1Q tag. */
  readonly vlan: number | undefined;
  readonly filter: FilterState;
  /** The address that configuration shows, or a command set. */
  readonly ownAddress: string;
  /** Negotiated. */
  readonly features: bigint;
}

/** Whether a frame is received; undefined where the next decision has the word. */
export type FilterDecision = (frame: FilteredFrame) => boolean | undefined;

/** Says `verdict` where the condition holds. */
const decide =
  (verdict: boolean, isOf: (frame: FilteredFrame) => boolean): FilterDecision =>
  (frame) =>
    isOf(frame) ? verdict : undefined;

/** In the order in which they are asked. What none of them receives is dropped. */
export const filterDecisions = {
  promiscuous: decide(true, ({ filter }) => filter.modes.has('PROMISC')),
  otherVlan: decide(
    false,
    ({ vlan, filter, features }) =>
      (features & VIRTIO_NET_F_CTRL_VLAN) !== 0n && vlan !== undefined && !filter.vlans.has(vlan),
  ),
  unfiltered: decide(true, ({ features }) => (features & VIRTIO_NET_F_CTRL_RX) === 0n),
  noMulticast: decide(false, ({ kind, filter }) => kind === 'multicast' && filter.modes.has('NOMULTI')),
  noUnicast: decide(false, ({ kind, filter }) => kind === 'unicast' && filter.modes.has('NOUNI')),
  noBroadcast: decide(false, ({ kind, filter }) => kind === 'broadcast' && filter.modes.has('NOBCAST')),
  broadcast: decide(true, ({ kind }) => kind === 'broadcast'),
  allMulticast: decide(true, ({ kind, filter }) => kind === 'multicast' && filter.modes.has('ALLMULTI')),
  allUnicast: decide(true, ({ kind, filter }) => kind === 'unicast' && filter.modes.has('ALLUNI')),
  ownAddress: decide(true, ({ destination, ownAddress }) => destination === ownAddress),
  macTable: decide(true, ({ destination, filter }) => filter.macTable.has(destination)),
  otherAddress: () => false,
} as const satisfies Record<string, FilterDecision>;

export type FilterDecisions = Readonly<Record<keyof typeof filterDecisions, FilterDecision>>;

/** Without any of these nothing tells a device to leave frames out. */
export const FILTER_FEATURES = VIRTIO_NET_F_CTRL_RX | VIRTIO_NET_F_CTRL_VLAN;

const broadcastAddress = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff].join();
const GROUP_BIT = 1;

/** Whether a frame is received. */
export function receives(
  decisions: FilterDecisions,
  frame: Uint8Array,
  held: Pick<FilteredFrame, 'filter' | 'features'> & { readonly ownAddress: Uint8Array },
): boolean {
  const to = frame.subarray(0, MAC_SIZE);
  const destination = to.join();
  const isGroup = ((to[0] ?? 0) & GROUP_BIT) !== 0;
  const kind = destination === broadcastAddress ? 'broadcast' : isGroup ? 'multicast' : 'unicast';
  const asked: FilteredFrame = { ...held, kind, destination, vlan: vlanOf(frame), ownAddress: held.ownAddress.join() };
  for (const decision of Object.values<FilterDecision>(decisions)) {
    const verdict = decision(asked);
    if (verdict !== undefined) return verdict;
  }
  return false;
}

const typeAt = 2 * MAC_SIZE;
const VLAN_TYPE = [0x81, 0x00];

/** The number of the VLAN in the tag of a frame. */
function vlanOf(frame: Uint8Array): number | undefined {
  const isTagged = VLAN_TYPE.every((byte, at) => frame[typeAt + at] === byte);
  return isTagged ? (((frame[typeAt + 2] ?? 0) & 0xf) << 8) | (frame[typeAt + 3] ?? 0) : undefined;
}

/**
 * The addresses of two tables one behind the other, unicast and multicast: 32 bits, little-endian, count each. Undefined
 * where the data end before them.
 */
export function macTableOf(data: Uint8Array): ReadonlySet<string> | undefined {
  const addresses = new Set<string>();
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  let at = 0;
  for (const _table of ['unicast', 'multicast']) {
    if (at + 4 > data.length) return undefined;
    const count = view.getUint32(at, true);
    at += 4;
    if (at + count * MAC_SIZE > data.length) return undefined;
    for (let n = 0; n < count; n++, at += MAC_SIZE) addresses.add(data.subarray(at, at + MAC_SIZE).join());
  }
  return addresses;
}
