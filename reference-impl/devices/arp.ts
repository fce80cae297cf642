/** ARP over Ethernet for IPv4 (RFC 826): the frames of a request and of its answer. */

const ethernetHeader = 14;
const arpType = [0x08, 0x06];
/** Hardware Ethernet, protocol IPv4, addresses of six and four bytes. */
const kinds = [0x00, 0x01, 0x08, 0x00, 6, 4];
const operation = { request: 1, reply: 2 } as const;
const everybody = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
const unknownMac = [0, 0, 0, 0, 0, 0];

/** Bytes of an ARP frame, without padding. */
export const arpFrameSize = ethernetHeader + 28;

/** A station: six bytes of MAC and four of IPv4. */
export interface Station {
  readonly mac: readonly number[];
  readonly ip: readonly number[];
}

const frameOf = (to: readonly number[], op: number, from: Station, target: Station): Uint8Array =>
  Uint8Array.of(...to, ...from.mac, ...arpType, ...kinds, 0, op, ...from.mac, ...from.ip, ...target.mac, ...target.ip);

/** `from` asks who has an address. */
export function arpRequest(from: Station, ip: readonly number[]): Uint8Array {
  return frameOf(everybody, operation.request, from, { mac: unknownMac, ip });
}

/** What the station `from` answers to a request of `to`. */
export function arpReply(from: Station, to: Station): Uint8Array {
  return frameOf(to.mac, operation.reply, from, to);
}

/** Who asks in an ARP request, and for which address; undefined for any other frame. */
export function askedBy(frame: Uint8Array): { readonly from: Station; readonly ip: readonly number[] } | undefined {
  const expected = [...arpType, ...kinds, 0, operation.request];
  if (frame.length < arpFrameSize) return undefined;
  if (!expected.every((byte, at) => frame[ethernetHeader - arpType.length + at] === byte)) return undefined;
  const bytes = (at: number, count: number): number[] => [...frame.subarray(at, at + count)];
  return { from: { mac: bytes(22, 6), ip: bytes(28, 4) }, ip: bytes(38, 4) };
}
