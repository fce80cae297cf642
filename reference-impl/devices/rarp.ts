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

const typeOffset = 12;
const senderOffset = 22;
const macSize = 6;

/** The MAC that a RARP frame names as its sender, as `macText`; undefined for any other frame. */
export function senderOfRarp(frame: Uint8Array): string | undefined {
  const isRarp = rarpType.every((byte, at) => frame[typeOffset + at] === byte);
  if (!isRarp || frame.length < senderOffset + macSize) return undefined;
  return macText(frame.subarray(senderOffset, senderOffset + macSize));
}

/** As `52:54:00:12:34:56`. */
export const macText = (mac: Uint8Array): string =>
  [...mac].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
