import t from 'tap';
import { type InternetKind, internetFrame } from '../virtio/net/internet-frame.ts';

/** One's complement sum of 16-bit words: 0xffff over whatever carries its own checksum (RFC 1071). */
function sumOf(bytes: readonly number[]): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

const kinds: readonly InternetKind[] = ['tcp4', 'tcp4-ecn', 'tcp6', 'udp4', 'udp6'];

for (const kind of kinds) {
  t.test(`${kind}: lengths and checksums are right`, async (t) => {
    for (const bytes of [100, 101, 1400]) {
      const frame = [...internetFrame(kind, bytes)];
      const isV6 = kind.endsWith('6');
      const transport = frame.slice(isV6 ? 54 : 34);
      const protocol = kind.startsWith('tcp') ? 6 : 17;
      t.equal(frame.length, bytes);
      t.equal(frame[isV6 ? 20 : 23], protocol);
      if (!isV6) t.equal(sumOf(frame.slice(14, 34)), 0xffff, 'IPv4 header');
      const lengthAt = isV6 ? 18 : 16;
      const told = ((frame[lengthAt] ?? 0) << 8) | (frame[lengthAt + 1] ?? 0);
      t.equal(told, isV6 ? transport.length : bytes - 14, 'length');
      const addresses = isV6 ? frame.slice(22, 54) : frame.slice(26, 34);
      const pseudo = [...addresses, 0, 0, transport.length >> 8, transport.length & 0xff, 0, 0, 0, protocol];
      t.equal(sumOf([...pseudo, ...transport]), 0xffff, 'TCP or UDP over its pseudo-header');
    }
  });
}
