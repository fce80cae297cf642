import { featureMask } from '../catalogue/feature-set.ts';
import { VIRTIO_F_VERSION_1 } from '../virtqueue/feature-bits.ts';
import { compileLayout } from '../wire/compile-layout.ts';
import { bytes, u8, u16, u32 } from '../wire/layout.ts';

/** The network device (virtio 5.1): its bits, its header, its configuration. Fields are little-endian. */

export const VIRTIO_ID_NET = 1;

export const VIRTIO_NET_F_CSUM = featureMask('VIRTIO_NET_F_CSUM');
export const VIRTIO_NET_F_GUEST_CSUM = featureMask('VIRTIO_NET_F_GUEST_CSUM');
export const VIRTIO_NET_F_MTU = featureMask('VIRTIO_NET_F_MTU');
export const VIRTIO_NET_F_MAC = featureMask('VIRTIO_NET_F_MAC');
export const VIRTIO_NET_F_MRG_RXBUF = featureMask('VIRTIO_NET_F_MRG_RXBUF');
export const VIRTIO_NET_F_STATUS = featureMask('VIRTIO_NET_F_STATUS');
export const VIRTIO_NET_F_CTRL_VQ = featureMask('VIRTIO_NET_F_CTRL_VQ');
export const VIRTIO_NET_F_CTRL_RX = featureMask('VIRTIO_NET_F_CTRL_RX');
export const VIRTIO_NET_F_CTRL_RX_EXTRA = featureMask('VIRTIO_NET_F_CTRL_RX_EXTRA');
export const VIRTIO_NET_F_CTRL_VLAN = featureMask('VIRTIO_NET_F_CTRL_VLAN');
export const VIRTIO_NET_F_GUEST_ANNOUNCE = featureMask('VIRTIO_NET_F_GUEST_ANNOUNCE');
export const VIRTIO_NET_F_MQ = featureMask('VIRTIO_NET_F_MQ');
export const VIRTIO_NET_F_CTRL_MAC_ADDR = featureMask('VIRTIO_NET_F_CTRL_MAC_ADDR');
export const VIRTIO_NET_F_HASH_REPORT = featureMask('VIRTIO_NET_F_HASH_REPORT');
export const VIRTIO_NET_F_RSS = featureMask('VIRTIO_NET_F_RSS');
export const VIRTIO_NET_F_VQ_NOTF_COAL = featureMask('VIRTIO_NET_F_VQ_NOTF_COAL');
export const VIRTIO_NET_F_NOTF_COAL = featureMask('VIRTIO_NET_F_NOTF_COAL');
export const VIRTIO_NET_F_SPEED_DUPLEX = featureMask('VIRTIO_NET_F_SPEED_DUPLEX');

export const VIRTIO_NET_S_LINK_UP = 1;
export const VIRTIO_NET_S_ANNOUNCE = 2;

/** Commands of the control queue: class and command, and what the device acknowledges them with (virtio 5.1.9.5). */
export const CONTROL_HEADER_SIZE = 2;
export const VIRTIO_NET_CTRL_RX = 0;
export const VIRTIO_NET_CTRL_RX_PROMISC = 0;
export const VIRTIO_NET_CTRL_RX_ALLMULTI = 1;
export const VIRTIO_NET_CTRL_RX_ALLUNI = 2;
export const VIRTIO_NET_CTRL_RX_NOMULTI = 3;
export const VIRTIO_NET_CTRL_RX_NOUNI = 4;
export const VIRTIO_NET_CTRL_RX_NOBCAST = 5;
export const VIRTIO_NET_CTRL_MAC = 1;
export const VIRTIO_NET_CTRL_MAC_TABLE_SET = 0;
export const VIRTIO_NET_CTRL_MAC_ADDR_SET = 1;
export const VIRTIO_NET_CTRL_VLAN = 2;
export const VIRTIO_NET_CTRL_VLAN_ADD = 0;
export const VIRTIO_NET_CTRL_VLAN_DEL = 1;
export const VIRTIO_NET_CTRL_ANNOUNCE = 3;
export const VIRTIO_NET_CTRL_ANNOUNCE_ACK = 0;
export const VIRTIO_NET_CTRL_MQ = 4;
export const VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET = 0;
export const VIRTIO_NET_CTRL_MQ_RSS_CONFIG = 1;
export const VIRTIO_NET_CTRL_MQ_HASH_CONFIG = 2;
export const VIRTIO_NET_CTRL_NOTF_COAL = 6;
export const VIRTIO_NET_CTRL_NOTF_COAL_TX_SET = 0;
export const VIRTIO_NET_CTRL_NOTF_COAL_RX_SET = 1;
export const VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET = 2;
export const VIRTIO_NET_CTRL_NOTF_COAL_VQ_GET = 3;
export const VIRTIO_NET_OK = 0;
export const VIRTIO_NET_ERR = 1;
export const MAC_SIZE = 6;

/** struct virtio_net_hdr: flags, gso_type, hdr_len, gso_size, csum_start, csum_offset, num_buffers. */
export const NET_HEADER_SIZE = 12;
export const NUM_BUFFERS_OFFSET = 10;
const LEGACY_HEADER_SIZE = 10;
/** Behind them with HASH_REPORT: hash_value, hash_report, padding. */
export const HASH_FIELDS_SIZE = 8;

/** A header in the byte order of a legacy driver, or one of those in ours: its fields of 16 bits are behind two of 8. */
export function headerInOrder(header: Uint8Array, isBigEndian: boolean | undefined): Uint8Array {
  if (!isBigEndian) return header;
  return header.map((byte, at) => (at < 2 ? byte : (header[at ^ 1] ?? 0)));
}

/** A legacy driver without MRG_RXBUF has no num_buffers (virtio 5.1.6.1). */
export function netHeaderSize(features: bigint): number {
  if ((features & VIRTIO_NET_F_HASH_REPORT) !== 0n) return NET_HEADER_SIZE + HASH_FIELDS_SIZE;
  return (features & (VIRTIO_F_VERSION_1 | VIRTIO_NET_F_MRG_RXBUF)) === 0n ? LEGACY_HEADER_SIZE : NET_HEADER_SIZE;
}

/** Offsets in struct virtio_net_config. */
export const netConfig = {
  mac: 0,
  status: 6,
  maxVirtqueuePairs: 8,
  mtu: 10,
  speed: 12,
  duplex: 16,
  rssMaxKeySize: 17,
  rssMaxTableLength: 18,
  supportedHashTypes: 20,
} as const;
const upToDuplex = [
  bytes('mac', 6),
  u16('status'),
  u16('maxVirtqueuePairs'),
  u16('mtu'),
  u32('speed'),
  u8('duplex'),
] as const;
export const netConfigLayout = compileLayout('virtio_net_config', upToDuplex);
/** The same of a device that knows hashes, up to the end of supported_hash_types. */
export const netHashConfigLayout = compileLayout('virtio_net_config', [
  ...upToDuplex,
  u8('rssMaxKeySize'),
  u16('rssMaxTableLength'),
  u32('supportedHashTypes'),
]);

/** VIRTIO_NET_HASH_TYPE_ without those of extension headers (virtio 5.1.9.4.3.1). */
export const VIRTIO_NET_HASH_TYPES = { IPv4: 1, TCPv4: 2, UDPv4: 4, IPv6: 8, TCPv6: 0x10, UDPv6: 0x20 } as const;
export const supportedHashTypes: number = Object.values(VIRTIO_NET_HASH_TYPES).reduce((all, type) => all | type, 0);
/** The least that a device may have (virtio 5.1.4.1). */
export const RSS_MAX_KEY_SIZE = 40;
export const RSS_MAX_TABLE_LENGTH = 128;

/** Queues come in pairs: receiveq is even, its transmitq the next (virtio 5.1.2). */
export const isTransmitQueue = (queue: number): boolean => queue % 2 === 1;

export type NetQueueRole = 'receive' | 'transmit' | 'control' | 'none';

/**
 * What a queue of a device with a control queue behind `most` pairs is for: without MQ and RSS there is one pair, and the
 * control queue is the next.
 */
export function roleOfQueue(queue: number, most: number, features: bigint): NetQueueRole {
  const pairs = (features & (VIRTIO_NET_F_MQ | VIRTIO_NET_F_RSS)) === 0n ? 1 : most;
  if (queue === 2 * pairs) return 'control';
  if (queue > 2 * pairs) return 'none';
  return isTransmitQueue(queue) ? 'transmit' : 'receive';
}
