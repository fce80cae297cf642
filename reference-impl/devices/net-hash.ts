import { IP_TCP, IP_UDP, type IpPacket, ipPacketOf } from './net-flow.ts';
import { VIRTIO_NET_HASH_TYPES } from './net-layout.ts';

/** Hashes of received packets (virtio 5.1.9.4.3): the Toeplitz hash with a key of the driver's. */

/** What a driver configured: a bitmask of VIRTIO_NET_HASH_TYPE_, and the key. */
export interface HashConfig {
  readonly types: number;
  readonly key: Uint8Array;
}

/** The hash, and its VIRTIO_NET_HASH_REPORT_. */
export interface PacketHash {
  readonly value: number;
  readonly report: number;
}

/** Types that are hashed over addresses and ports, and over addresses alone. */
const typesOf = {
  4: { tcp: VIRTIO_NET_HASH_TYPES.TCPv4, udp: VIRTIO_NET_HASH_TYPES.UDPv4, ip: VIRTIO_NET_HASH_TYPES.IPv4 },
  6: { tcp: VIRTIO_NET_HASH_TYPES.TCPv6, udp: VIRTIO_NET_HASH_TYPES.UDPv6, ip: VIRTIO_NET_HASH_TYPES.IPv6 },
} as const;

/** Undefined where no enabled type is that of the frame. */
export function hashOf(frame: Uint8Array, { types, key }: HashConfig): PacketHash | undefined {
  const packet = ipPacketOf(frame);
  if (packet === undefined) return undefined;
  const { source, destination, ports } = packet;
  const type = portsTypeOf(packet);
  if (type !== undefined && ports !== undefined && (types & type) !== 0) {
    return { value: toeplitz(key, Uint8Array.of(...source, ...destination, ...ports)), report: reportOf(type) };
  }
  const { ip } = typesOf[packet.version];
  if ((types & ip) === 0) return undefined;
  return { value: toeplitz(key, Uint8Array.of(...source, ...destination)), report: reportOf(ip) };
}

function portsTypeOf({ version, protocol }: IpPacket): number | undefined {
  if (protocol === IP_TCP) return typesOf[version].tcp;
  return protocol === IP_UDP ? typesOf[version].udp : undefined;
}

/** VIRTIO_NET_HASH_TYPE_XXX is 1 << (VIRTIO_NET_HASH_REPORT_XXX - 1). */
const reportOf = (type: number): number => 32 - Math.clz32(type);

/** For each bit of the input that is set, the 32 bits of the key from its place on; a key that is too short goes on with 0. */
export function toeplitz(key: Uint8Array, input: Uint8Array): number {
  let window = (((key[0] ?? 0) << 24) | ((key[1] ?? 0) << 16) | ((key[2] ?? 0) << 8) | (key[3] ?? 0)) >>> 0;
  let hash = 0;
  for (const [at, byte] of input.entries()) {
    const next = key[at + 4] ?? 0;
    for (let bit = 7; bit >= 0; bit--) {
      if (((byte >> bit) & 1) === 1) hash ^= window;
      window = (window << 1) | ((next >> bit) & 1);
    }
  }
  return hash >>> 0;
}
