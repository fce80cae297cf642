/** What of a frame tells its flow: addresses and ports of IPv4 and IPv6. */

const ETHERNET_HEADER = 14;
const IPV4 = 0x0800;
const IPV6 = 0x86dd;
const IPV6_HEADER = 40;

export const IP_TCP = 6;
export const IP_UDP = 17;

/** Addresses most significant byte first. Ports stand where the protocol has them, and the packet is no fragment. */
export interface IpPacket {
  readonly version: 4 | 6;
  readonly protocol: number;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  /** Source and destination port, four bytes. */
  readonly ports?: Uint8Array;
}

const u16At = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);

/** The IP header of a frame without tags; undefined of another frame, and of one that ends before the header does. */
export function ipPacketOf(frame: Uint8Array): IpPacket | undefined {
  const at = ETHERNET_HEADER;
  switch (u16At(frame, at - 2)) {
    case IPV4: {
      const length = ((frame[at] ?? 0) & 0xf) * 4;
      const isFragment = (u16At(frame, at + 6) & 0x3fff) !== 0;
      return withPorts(frame, at + length, isFragment, {
        version: 4,
        protocol: frame[at + 9] ?? 0,
        source: frame.subarray(at + 12, at + 16),
        destination: frame.subarray(at + 16, at + 20),
      });
    }
    case IPV6:
      return withPorts(frame, at + IPV6_HEADER, false, {
        version: 6,
        protocol: frame[at + 6] ?? 0,
        source: frame.subarray(at + 8, at + 24),
        destination: frame.subarray(at + 24, at + 40),
      });
    default:
      return undefined;
  }
}

function withPorts(frame: Uint8Array, at: number, isFragment: boolean, packet: IpPacket): IpPacket | undefined {
  if (frame.length < at) return undefined;
  const hasPorts = !isFragment && (packet.protocol === IP_TCP || packet.protocol === IP_UDP);
  return hasPorts && frame.length >= at + 4 ? { ...packet, ports: frame.subarray(at, at + 4) } : packet;
}

/** The same text for all frames of a flow, in either direction. No text says what flows of other protocols are: they are one. */
export function flowOf(frame: Uint8Array): string {
  const packet = ipPacketOf(frame);
  if (packet === undefined) return 'no IP';
  const { version, protocol, source, destination, ports = new Uint8Array() } = packet;
  const ends = [[...source, ...ports.subarray(0, 2)].join('.'), [...destination, ...ports.subarray(2)].join('.')];
  return [version, protocol, ...ends.sort()].join(' ');
}
