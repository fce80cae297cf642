import t from 'tap';
import { toeplitz } from '../../devices/net-hash.ts';

/** Answers that were published with the hash: source, destination, both ports, the hash with them and without. */

const key = Uint8Array.from(
  '6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa'.match(/../g) ?? [],
  (two) => Number.parseInt(two, 16),
);

const known = [
  ['66.9.149.187', '161.142.100.80', 2794, 1766, 0x51cc_c178, 0x323e_8fc2],
  ['199.92.111.2', '65.69.140.83', 14230, 4739, 0xc626_b0ea, 0xd718_262a],
  ['24.19.198.95', '12.22.207.184', 12898, 38024, 0x5c2b_394a, 0xd2d0_a5de],
  ['38.27.205.30', '209.142.163.6', 48228, 2217, 0xafc7_327f, 0x8298_9176],
  ['153.39.163.191', '202.188.127.2', 44251, 1303, 0x10e8_28a2, 0x5d18_09c5],
] as const;

const bytesOf = (address: string): number[] => address.split('.').map(Number);

t.test('hashes of IPv4 are those that were published', async (t) => {
  for (const [source, destination, from, to, withPorts, without] of known) {
    const addresses = [...bytesOf(source), ...bytesOf(destination)];
    const ports = [from >> 8, from & 0xff, to >> 8, to & 0xff];
    t.equal(toeplitz(key, Uint8Array.from(addresses)), without, source);
    t.equal(toeplitz(key, Uint8Array.of(...addresses, ...ports)), withPorts, `${source} and ports`);
  }
});

t.test('and one of IPv6', async (t) => {
  const words = (...all: readonly number[]): number[] => all.flatMap((word) => [word >> 8, word & 0xff]);
  const source = words(0x3ffe, 0x2501, 0x0200, 0x1fff, 0, 0, 0, 7);
  const destination = words(0x3ffe, 0x2501, 0x0200, 3, 0, 0, 0, 1);
  t.equal(toeplitz(key, Uint8Array.of(...source, ...destination)), 0x2cc1_8cd5);
  t.equal(toeplitz(key, Uint8Array.of(...source, ...destination, ...words(2794, 1766))), 0x4020_7d3d);
});
