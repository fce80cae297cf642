import { netConfig } from '../../../reference-impl/devices/net-layout.ts';
import type { Check } from '../../check.ts';
import { fieldFrom } from '../device-parts.ts';
import { applies as commanded, type PairsContext } from './commanded-pairs.ts';
import { type Ends, type InternetKind, internetFrame } from './internet-frame.ts';
import { hashTypes, knownKey } from './toeplitz.ts';

/** What cases about hashes of received packets share: flows, keys and types. */

export const rssApplies = { ...commanded, negotiate: ['VIRTIO_NET_F_CTRL_VQ', 'VIRTIO_NET_F_RSS'] } as const;

const supportedHashTypes = { name: 'supported_hash_types', at: netConfig.supportedHashTypes, bytes: 4 } as const;

/** Those of the wanted types that the device supports. */
export function supportedOf({ session }: Pick<PairsContext, 'session'>, check: Check, wanted: number): number {
  const types = fieldFrom(session, check, supportedHashTypes) & wanted;
  check.presumes(types !== 0, 'supported_hash_types has one of the types');
  return types;
}

const { ipv4, tcpv4, udpv4, ipv6, tcpv6, udpv6 } = hashTypes;
export const enabledTypes = {
  all: ipv4.bit | tcpv4.bit | udpv4.bit | ipv6.bit | tcpv6.bit | udpv6.bit,
  addresses: ipv4.bit | ipv6.bit,
  tcp: tcpv4.bit | tcpv6.bit,
  udp: udpv4.bit | udpv6.bit,
} as const;

export interface Flow {
  readonly kind: InternetKind;
  readonly ends: Ends;
  readonly frame: Uint8Array;
}

/** Flows of every kind, whose frames differ in ends and length. */
export const flowsOf = (count: number): Flow[] =>
  (['tcp4', 'udp4', 'tcp6', 'udp6'] as const).flatMap((kind, k) =>
    Array.from({ length: count }, (_, n): Flow => {
      const ends = { sourcePort: 1766 + 37 * n, destinationPort: 2794 + 5 * k, source: 1 + n, destination: 66 + 3 * n };
      return { kind, ends, frame: internetFrame(kind, 100 + 20 * k + n, ends) };
    }),
  );

/** Another key than that of the known answers: a device must take either. */
export const keys = { known: knownKey, other: knownKey.map((byte, at) => (byte ^ (0x5b + 31 * at)) & 0xff) } as const;
