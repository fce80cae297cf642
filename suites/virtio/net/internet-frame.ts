import { pattern } from '../../../drivers/devices/request.ts';

export type InternetKind = 'tcp4' | 'tcp4-ecn' | 'tcp6' | 'udp4' | 'udp6';

const macs = [0x52, 0x54, 0x00, 0x65, 0x43, 0x21, 0x52, 0x54, 0x00, 0x12, 0x34, 0x56];
const TCP = 6;
const UDP = 17;
const ECE_CWR_ACK = 0xd0;
const ACK = 0x10;

/** From where to where: ports, and the last byte of the addresses. */
export interface Ends {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly source: number;
  readonly destination: number;
}

const usualEnds: Ends = { sourcePort: 40_000, destinationPort: 9, source: 1, destination: 2 };

/** A frame of `bytes` that carries TCP or UDP over IPv4 or IPv6, with correct checksums. */
export function internetFrame(kind: InternetKind, bytes: number, ends: Partial<Ends> = {}): Uint8Array {
  const { sourcePort, destinationPort, source, destination } = { ...usualEnds, ...ends };
  const frame = new Uint8Array(bytes);
  const view = new DataView(frame.buffer);
  const isV6 = kind.endsWith('6');
  const protocol = kind.startsWith('tcp') ? TCP : UDP;
  frame.set(macs);
  view.setUint16(12, isV6 ? 0x86dd : 0x0800);
  const transport = 14 + (isV6 ? 40 : 20);
  const length = bytes - transport;
  if (isV6) {
    view.setUint32(14, 0x6000_0000);
    view.setUint16(18, length);
    view.setUint8(20, protocol);
    view.setUint8(21, 64);
    // Addresses kept for documentation (RFC 3849).
    frame.set([0x20, 0x01, 0x0d, 0xb8], 22);
    frame.set([0x20, 0x01, 0x0d, 0xb8], 38);
    view.setUint8(37, source);
    view.setUint8(53, destination);
  } else {
    view.setUint16(14, 0x4500 | (kind === 'tcp4-ecn' ? 2 : 0));
    view.setUint16(16, bytes - 14);
    view.setUint16(20, 0x4000);
    view.setUint8(22, 64);
    view.setUint8(23, protocol);
    // Addresses kept for documentation (RFC 5737).
    frame.set([192, 0, 2, source, 192, 0, 2, destination], 26);
    view.setUint16(24, onesComplement(frame.subarray(14, 34)));
  }
  view.setUint16(transport, sourcePort);
  view.setUint16(transport + 2, destinationPort);
  if (protocol === TCP) {
    view.setUint32(transport + 4, 1000);
    view.setUint32(transport + 8, 2000);
    view.setUint8(transport + 12, 0x50);
    view.setUint8(transport + 13, kind === 'tcp4-ecn' ? ECE_CWR_ACK : ACK);
    view.setUint16(transport + 14, 8192);
  } else {
    view.setUint16(transport + 4, length);
  }
  const header = protocol === TCP ? 20 : 8;
  frame.set(pattern(length - header, bytes), transport + header);
  const sum = transportSum(frame);
  view.setUint16(transport + (protocol === TCP ? 16 : 6), sum === 0 ? 0xffff : sum);
  return frame;
}

/** The same frame with a checksum of TCP or UDP that is off by one bit. */
export function withWrongChecksum(frame: Uint8Array): Uint8Array {
  const isV6 = frame[12] === 0x86;
  const isTcp = frame[isV6 ? 20 : 23] === TCP;
  const at = (isV6 ? 54 : 34) + (isTcp ? 16 : 6);
  return frame.map((byte, place) => (place === at ? byte ^ 1 : byte));
}

/** Whether the checksum of TCP or UDP in a frame of `internetFrame` is right. */
export const isChecksummed = (frame: Uint8Array): boolean => transportSum(frame) === 0;

/** What a driver that leaves the checksum to the device stores in its field: the sum of the pseudo-header. */
export const pseudoHeaderSum = (frame: Uint8Array): number => 0xffff - onesComplement(pseudoHeader(frame));

/** The checksum over TCP or UDP and its pseudo-header, the field itself included. */
function transportSum(frame: Uint8Array): number {
  const isV6 = frame[12] === 0x86;
  return onesComplement(Uint8Array.of(...pseudoHeader(frame), ...frame.subarray(isV6 ? 54 : 34)));
}

function pseudoHeader(frame: Uint8Array): Uint8Array {
  const isV6 = frame[12] === 0x86;
  const protocol = frame[isV6 ? 20 : 23] ?? 0;
  const addresses = isV6 ? frame.subarray(22, 54) : frame.subarray(26, 34);
  const length = frame.length - (isV6 ? 54 : 34);
  return Uint8Array.of(...addresses, 0, 0, length >> 8, length & 0xff, 0, 0, 0, protocol);
}

/** The Internet checksum (RFC 1071). */
function onesComplement(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
