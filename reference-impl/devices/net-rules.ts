import { withChecksum } from './net-checksum.ts';
import { type CoalescingRules, coalescingRules } from './net-coalescing.ts';
import type { ControlRules } from './net-control.ts';
import { type FilterDecisions, FilterState, filterDecisions } from './net-filter.ts';
import { filterCommands } from './net-filter-commands.ts';
import {
  NET_HEADER_SIZE,
  NUM_BUFFERS_OFFSET,
  netHeaderSize,
  VIRTIO_NET_CTRL_MAC,
  VIRTIO_NET_CTRL_MAC_ADDR_SET,
  VIRTIO_NET_F_CSUM,
  VIRTIO_NET_F_MRG_RXBUF,
  VIRTIO_NET_S_ANNOUNCE,
} from './net-layout.ts';
import { type SteeringRules, steeringRules } from './net-steering.ts';
import { rarpRequest } from './rarp.ts';

/** What the network device does by choice; a fault replaces one entry. */
export interface NetRules extends SteeringRules, ControlRules, CoalescingRules {
  /** What the device offers of the features of its type. */
  readonly offered: (features: bigint) => bigint;
  /** Configuration space as drivers read it, of what is stored. */
  readonly config: (bytes: Uint8Array) => Uint8Array;
  readonly headerSize: (features: bigint) => number;
  /** Whether frames from a disabled transmit queue go out, and whether one that is disabled receives. */
  readonly sendsWhileDisabled: () => boolean;
  readonly receivesWhileDisabled: () => boolean;
  /** What goes out of a frame with this header. */
  readonly sent: (header: Uint8Array, frame: Uint8Array, features: bigint) => Uint8Array;
  /** What goes out to announce a station with this MAC, six bytes. */
  readonly announcement: (mac: Uint8Array) => readonly Uint8Array[];
  /** What comes back for a frame that was sent. */
  readonly reflect: (frame: Uint8Array) => readonly Uint8Array[];
  /** The receive queue for what a transmit queue sent, where no command tells of pairs. */
  readonly receiveQueue: (transmitQueue: number) => number;
  readonly mergesBuffers: (features: bigint) => boolean;
  /** Writes a packet, and tells its buffers as used, which must come behind. */
  readonly inOrder: (packet: Uint8Array, write: () => void, tell: () => void) => void;
  /** Whether a packet that so many buffers do not hold is too large for a ring of this size. */
  readonly isTooLarge: (buffers: number, size: number) => boolean;
  /** Bytes of a receive chain that are used, of those that it offers. */
  readonly usableLength: (offered: number) => number;
  /** The header of a received frame, `size` bytes of it. */
  readonly receiveHeader: (numBuffers: number, size: number, queue: number) => Uint8Array;
  /** What lands in memory of header and frame. */
  readonly packet: (header: Uint8Array, frame: Uint8Array) => Uint8Array;
  /** Bytes told as written in one receive buffer. */
  readonly received: (written: number) => number;
  /** Bytes told as written in a transmitted chain. */
  readonly transmitted: (readable: number) => number;
  /** `status` of configuration, once the driver has acknowledged that it announces itself. */
  readonly statusAnnounced: (status: number) => number;
  /** Which frames that come are received. */
  readonly filter: FilterDecisions;
  /** What the driver told of the filter, behind a reset. */
  readonly filterAfterReset: (before: FilterState) => FilterState;
}

export const netRules: NetRules = {
  ...steeringRules,
  ...coalescingRules,
  offered: (features) => features,
  config: (bytes) => bytes,
  headerSize: netHeaderSize,
  sendsWhileDisabled: () => false,
  receivesWhileDisabled: () => false,
  sent: (header, frame, features) => ((features & VIRTIO_NET_F_CSUM) === 0n ? frame : withChecksum(header, frame)),
  announcement: (mac) => [rarpRequest(mac)],
  reflect: (frame) => [frame],
  receiveQueue: (transmitQueue) => transmitQueue - 1,
  mergesBuffers: (features) => (features & VIRTIO_NET_F_MRG_RXBUF) !== 0n,
  inOrder: (_, write, tell) => {
    write();
    tell();
  },
  isTooLarge: (buffers, size) => buffers >= size,
  usableLength: (offered) => offered,
  receiveHeader: (numBuffers, size) => {
    const header = new Uint8Array(Math.max(size, NET_HEADER_SIZE));
    header[NUM_BUFFERS_OFFSET] = numBuffers & 0xff;
    header[NUM_BUFFERS_OFFSET + 1] = numBuffers >> 8;
    return header.subarray(0, size);
  },
  packet: (header, frame) => {
    const bytes = new Uint8Array(header.length + frame.length);
    bytes.set(header);
    bytes.set(frame, header.length);
    return bytes;
  },
  received: (written) => written,
  transmitted: () => 0,
  setsAddress: (group, command) => group === VIRTIO_NET_CTRL_MAC && command === VIRTIO_NET_CTRL_MAC_ADDR_SET,
  filterCommands,
  statusAnnounced: (status) => status & ~VIRTIO_NET_S_ANNOUNCE,
  filter: filterDecisions,
  filterAfterReset: () => new FilterState(),
};
