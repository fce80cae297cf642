/** RARP over Ethernet for IPv4 (RFC 903): the frame by which a station makes itself known to switches. */

const rarpType = [0x80, 0x35];
/** Hardware Ethernet, protocol IPv4, addresses of six and four bytes. */
const kinds = [0x00, 0x01, 0x08, 0x00, 6, 4];
const requestReverse = 3;
const everybody = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
const noAddress = [0, 0, 0, 0];
const shortestFrame = 60;

/** The broadcast by which the station with this MAC, six bytes, asks for its own address. */
export function rarpRequest(mac: Uint8Array): Uint8Array {
  const frame = new Uint8Array(shortestFrame);
  frame.set([...everybody, ...mac, ...rarpType, ...kinds, 0, requestReverse, ...mac, ...noAddress, ...mac]);
  return frame;
}

/** What a RARP request is about; undefined for any other frame. */
export interface RarpRequest {
  /** MACs of the Ethernet header, in their order. */
  readonly header: readonly [to: string, from: string];
  readonly sender: string;
  readonly target: string;
}

const typeOffset = 12;
const senderOffset = 22;
const targetOffset = 32;
const frameSize = 42;

/** MACs as `52:54:00:12:34:56`. */
export function rarpIn(frame: Uint8Array): RarpRequest | undefined {
  const expected = [...rarpType, ...kinds, 0, requestReverse];
  if (frame.length < frameSize || !expected.every((byte, at) => frame[typeOffset + at] === byte)) return undefined;
  const mac = (at: number): string => macText(frame.subarray(at, at + 6));
  return { header: [mac(0), mac(6)], sender: mac(senderOffset), target: mac(targetOffset) };
}

export const macText = (mac: Uint8Array): string =>
  [...mac].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
