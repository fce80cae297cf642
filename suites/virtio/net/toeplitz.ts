import type { Ends, InternetKind } from './internet-frame.ts';

/** What a device makes of a packet by the Toeplitz hash, worked out beside the reference (virtio 5.1.9.4.3). */

/** The key with which the known answers of the hash were published: 40 bytes. */
export const knownKey: Uint8Array = Uint8Array.from(
  '6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa'.match(/../g) ?? [],
  (digits) => Number.parseInt(digits, 16),
);

/** The hash of an input of bytes: the remainder of each bit's part of the key, as one long number. */
export function toeplitzHash(key: Uint8Array, input: readonly number[]): number {
  const wide = BigInt(`0x${[...key].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`);
  const bits = 8 * key.length;
  let hash = 0n;
  for (let bit = 0; bit < 8 * input.length; bit++) {
    const isSet = ((input[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0;
    if (isSet) hash ^= (wide >> BigInt(bits - 32 - bit)) & 0xffff_ffffn;
  }
  return Number(hash);
}

/** Bits of VIRTIO_NET_HASH_TYPE_, and the number of VIRTIO_NET_HASH_REPORT_ of the same name. */
export const hashTypes = {
  ipv4: { bit: 1, report: 1 },
  tcpv4: { bit: 2, report: 2 },
  udpv4: { bit: 4, report: 3 },
  ipv6: { bit: 8, report: 4 },
  tcpv6: { bit: 0x10, report: 5 },
  udpv6: { bit: 0x20, report: 6 },
} as const;

/** By which types a frame may be hashed, the first that is enabled. */
const typesFor = (kind: InternetKind): readonly { readonly bit: number; readonly report: number }[] => {
  const { ipv4, tcpv4, udpv4, ipv6, tcpv6, udpv6 } = hashTypes;
  if (kind.endsWith('6')) return [kind === 'tcp6' ? tcpv6 : udpv6, ipv6];
  return [kind === 'udp4' ? udpv4 : tcpv4, ipv4];
};

/**
 * The hash of a frame of `internetFrame` with these ends, and its report; undefined where none of the enabled types is
 * that of the frame.
 */
export function hashOfInternetFrame(
  kind: InternetKind,
  ends: Ends,
  enabled: number,
  key: Uint8Array,
): { readonly value: number; readonly report: number } | undefined {
  const type = typesFor(kind).find(({ bit }) => (enabled & bit) !== 0);
  if (type === undefined) return undefined;
  const addresses = [ends.source, ends.destination].flatMap((last) =>
    kind.endsWith('6') ? [0x20, 1, 0x0d, 0xb8, ...new Array<number>(11).fill(0), last] : [192, 0, 2, last],
  );
  const ports = [ends.sourcePort, ends.destinationPort].flatMap((port) => [port >> 8, port & 0xff]);
  const isOfAddressesAlone = type === hashTypes.ipv4 || type === hashTypes.ipv6;
  return { value: toeplitzHash(key, isOfAddressesAlone ? addresses : [...addresses, ...ports]), report: type.report };
}
