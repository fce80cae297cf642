import { netConfig, netHeaderSize, VIRTIO_NET_F_CTRL_VQ } from '../../devices/net-layout.ts';
import { type NetRules, netRules as right } from '../../devices/net-rules.ts';
import { BrokenDown } from '../../vhost-user/back-end-edge.ts';
import type { DeviceFault } from '../fault.ts';
import { deviceFault, inNet } from './device-fault.ts';

/** Frames of the network device. */
export const netFaults = {
  'net-num-buffers-zero': deviceFault(
    'net/num-buffers-one-without-mergeable',
    'num_buffers of a received packet is 0',
    inNet({ receiveHeader: (_, size, queue) => right.receiveHeader(0, size, queue) }),
  ),
  'net-num-buffers-always-one': deviceFault(
    'net/num-buffers-counts-buffers',
    'num_buffers is 1 however many buffers a packet takes',
    inNet({ receiveHeader: (_, size, queue) => right.receiveHeader(1, size, queue) }),
  ),
  'net-merged-buffers-half-filled': deviceFault(
    'net/all-but-last-buffer-filled',
    'only half of a receive buffer of 128 or 256 bytes is used',
    inNet({ usableLength: (offered) => (offered === 128 || offered === 256 ? offered / 2 : offered) }),
  ),
  'net-receive-flags-set': deviceFault(
    'net/rx-flags-zero-without-guest-csum',
    'received packets carry DATA_VALID',
    inNet({
      receiveHeader: (buffers, size, queue) => {
        const header = right.receiveHeader(buffers, size, queue);
        header[0] = 2;
        return header;
      },
    }),
  ),
  'net-receive-gso-set': deviceFault(
    'net/rx-gso-none-without-features',
    'received packets carry a gso_type',
    inNet({
      receiveHeader: (buffers, size, queue) => {
        const header = right.receiveHeader(buffers, size, queue);
        header[1] = 1;
        return header;
      },
    }),
  ),
  'net-frame-cut-short': deviceFault(
    'net/packets-within-mtu-forwarded-whole',
    'frames of more than 1000 bytes lose their last byte',
    inNet({ reflect: (frame) => [frame.length > 1000 ? frame.subarray(0, frame.length - 1) : frame] }),
  ),
  'net-used-len-without-header': deviceFault(
    'split/used-len-counts-written-bytes',
    'the header is left out of the bytes told as written where they are more than 1000',
    inNet({ received: (written) => (written > 1000 ? written - 12 : written) }),
  ),
  'net-frame-byte-inverted': deviceFault(
    'net/frames-arrive-intact',
    'the last byte of a frame of more than 90 bytes arrives inverted',
    inNet({
      packet: (header, frame) =>
        right.packet(
          header,
          frame.map((byte, at) => (at > 90 && at === frame.length - 1 ? byte ^ 0xff : byte)),
        ),
    }),
  ),
  'net-frame-duplicated': deviceFault(
    'net/frames-arrive-intact',
    'each frame arrives twice',
    inNet({ reflect: (frame) => [frame, frame] }),
  ),
  'net-receive-header-of-10-bytes': deviceFault(
    'net/rx-header-precedes-packet',
    'the header of received packets of more than 1000 bytes lacks num_buffers',
    inNet({
      packet: (header, frame) => right.packet(frame.length > 1000 ? header.subarray(0, 10) : header, frame),
    }),
  ),
  'net-transmit-len-counts-frame': deviceFault(
    'net/tx-buffers-returned',
    'the len of a transmitted chain of more than 1000 bytes is that of its frame',
    inNet({ transmitted: (bytes) => (bytes > 1000 ? bytes - 12 : 0) }),
  ),
  'net-long-frames-padded': deviceFault(
    'net/received-packets-within-mtu',
    'frames of 1514 bytes arrive with four bytes more',
    inNet({
      packet: (header, frame) =>
        right.packet(header, frame.length === 1514 ? Uint8Array.of(...frame, 0, 0, 0, 0) : frame),
    }),
  ),
  'net-wrong-checksum-said-valid': deviceFault(
    'net/device-does-not-trust-checksum',
    'frames of TCP and UDP come back with DATA_VALID, unverified',
    inNet({ packet: withHeaderByte(0, 2, 'tcp4', 'udp4', 'tcp6', 'udp6') }),
  ),
  'net-received-checksum-left-out': deviceFault(
    'net/rx-fully-checksummed-without-guest-csum',
    'the checksum of received UDP packets of IPv4 is left out',
    inNet({
      packet: (header, frame) =>
        right.packet(header, kindOf(frame) === 'udp4' ? frame.map((byte, at) => (at === 40 ? byte ^ 1 : byte)) : frame),
    }),
  ),
  'net-tagged-frames-dropped': deviceFault(
    'net/tagged-packets-accepted-without-ctrl-vlan',
    'frames with an 802.1Q tag are dropped',
    inNet({ reflect: (frame) => (etherTypeOf(frame) === 0x8100 ? [] : [frame]) }),
  ),
  'net-transmit-with-unknown-flags-dropped': deviceFault(
    'net/tx-unknown-flags-ignored',
    'packets with flags that have no meaning are dropped',
    inNet({
      sent: (header, frame) => (((header[0] ?? 0) & ~7) === 0 ? frame : frame.subarray(0, 0)),
      reflect: (frame) => (frame.length === 0 ? [] : [frame]),
    }),
  ),
  'net-checksum-without-needs-csum': deviceFault(
    'net/tx-checksum-offsets-unused-without-needs-csum',
    'a checksum is stored where csum_start and csum_offset point, asked for or not',
    inNet({
      sent: (header, frame) => {
        const at = fieldOf(header, 6) + fieldOf(header, 8);
        if (at === 0 || at >= frame.length) return frame;
        const changed = frame.slice();
        changed[at] = (changed[at] ?? 0) ^ 0xff;
        return changed;
      },
    }),
  ),
  'net-frame-cut-at-hdr-len': deviceFault(
    'net/tx-wrong-hdr-len-harmless',
    'a packet is cut at its hdr_len',
    inNet({
      sent: (header, frame) => (fieldOf(header, 2) === 0 ? frame : frame.subarray(0, fieldOf(header, 2))),
    }),
  ),
  'net-merges-without-feature': deviceFault(
    'net/one-chain-holds-packet-without-mergeable',
    'packets are spread over receive buffers though MRG_RXBUF was not negotiated',
    inNet({ mergesBuffers: () => true }),
  ),
  'net-receive-rsc-info-set': deviceFault(
    'net/rx-rsc-info-clear-without-feature',
    'received TCP packets carry RSC_INFO',
    inNet({ packet: withHeaderByte(0, 4, 'tcp4', 'tcp6') }),
  ),
  'net-receive-tcpv4-as-segment': deviceFault(
    'net/rx-no-tcpv4-without-guest-tso4',
    'TCP packets of IPv4 are said to be segments',
    inNet({ packet: withHeaderByte(1, 1, 'tcp4') }),
  ),
  'net-receive-tcpv6-as-segment': deviceFault(
    'net/rx-no-tcpv6-without-guest-tso6',
    'TCP packets of IPv6 are said to be segments',
    inNet({ packet: withHeaderByte(1, 4, 'tcp6') }),
  ),
  'net-receive-udp-as-fragment': deviceFault(
    'net/rx-no-udp-without-guest-ufo',
    'UDP packets are said to be fragments',
    inNet({ packet: withHeaderByte(1, 3, 'udp4', 'udp6') }),
  ),
  'net-receive-udp-as-segment': deviceFault(
    'net/rx-no-udp-l4-without-guest-uso',
    'UDP packets are said to be segments',
    inNet({ packet: withHeaderByte(1, 5, 'udp4', 'udp6') }),
  ),
  'net-receive-ecn-bit-set': deviceFault(
    'net/rx-no-ecn-without-guest-ecn',
    'TCP packets of IPv4 carry the ECN bit in gso_type',
    inNet({ packet: withHeaderByte(1, 0x80, 'tcp4') }),
  ),
  'net-short-transmit-crashes': deviceFault(
    'net/short-transmit-buffer-survived',
    'it aborts at a transmit chain without a whole header',
    inNet({
      sent: (header, frame, features) => {
        if (header.length < netHeaderSize(features)) throw new BrokenDown('abort');
        return right.sent(header, frame, features);
      },
    }),
  ),
  'net-short-receive-crashes': deviceFault(
    'net/short-receive-buffer-survived',
    'it aborts at a receive buffer without room for the header',
    inNet({
      usableLength: (offered) => {
        if (offered < 12) throw new BrokenDown('abort');
        return right.usableLength(offered);
      },
    }),
  ),
  'net-hash-report-without-ctrl-vq': deviceFault(
    'net/hash-report-offered-with-ctrl-vq',
    'HASH_REPORT is offered without CTRL_VQ',
    offersBesideCtrlVq(57n),
  ),
  'net-ctrl-rx-extra-without-ctrl-vq': deviceFault(
    'net/ctrl-rx-extra-offered-with-ctrl-vq',
    'CTRL_RX_EXTRA is offered without CTRL_VQ',
    offersBesideCtrlVq(20n),
  ),
  'net-command-address-is-not-shown': deviceFault(
    'net/config-mac-updated-before-used',
    'the address of a command does not get into configuration',
    inNet({ setsAddress: () => false }),
  ),
  'net-every-command-sets-address': deviceFault(
    'net/config-mac-updated-before-used',
    'the data of a command of any class gets into configuration as the address',
    inNet({ setsAddress: () => true }),
  ),
  'net-announce-bit-stays': deviceFault(
    'net/announce-clears-before-acknowledge-used',
    'the ANNOUNCE bit of status stays behind its acknowledgement',
    inNet({ statusAnnounced: (status) => status }),
  ),
  'net-no-virtqueue-pairs': deviceFault(
    'net/max-virtqueue-pairs-bounded',
    'max_virtqueue_pairs is 0',
    inNet({ config: (bytes) => bytes.slice().fill(0, netConfig.maxVirtqueuePairs, netConfig.maxVirtqueuePairs + 2) }),
  ),
  'net-mac-multicast': deviceFault(
    'net/mac-unicast',
    'mac has the group bit',
    inNet({ config: (bytes) => bytes.slice().fill(0x33, netConfig.mac, netConfig.mac + 2) }),
  ),
  'net-mac-zero': deviceFault('net/mac-unicast', 'mac is 0', inNet({ config: (bytes) => bytes.slice().fill(0, 0, 6) })),
  'net-status-undefined-bit': deviceFault(
    'net/status-bits-defined',
    'bit 2 of status is set',
    inNet({ config: (bytes) => bytes.slice().fill(5, netConfig.status, netConfig.status + 1) }),
  ),
  'net-speed-out-of-range': deviceFault(
    'net/speed-valid',
    'speed is 0xfffffffe',
    inNet({ config: (bytes) => bytes.slice().fill(0xfe, netConfig.speed, netConfig.speed + 1) }),
  ),
  'net-duplex-undefined': deviceFault(
    'net/duplex-valid',
    'duplex is 2',
    inNet({ config: (bytes) => bytes.slice().fill(2, netConfig.duplex, netConfig.duplex + 1) }),
  ),
  'net-mtu-too-small': deviceFault('net/mtu-bounded', 'mtu is 60', inNet({ config: (bytes) => withMtu(bytes, 60) })),
  'net-mtu-is-another': deviceFault(
    'vk-provision/configuration-is-as-provisioned',
    'mtu is one more than the device was made with',
    inNet({ config: (bytes) => withMtu(bytes, 1501) }),
  ),
  'net-mtu-below-ipv6-minimum': deviceFault(
    'net/mtu-at-least-ipv6-minimum',
    'mtu is 1000',
    inNet({ config: (bytes) => withMtu(bytes, 1000) }),
  ),
  'net-mtu-changes': deviceFault('net/mtu-never-changes', 'mtu is another each time it is read', (rules) => {
    let reads = 0;
    return inNet({ config: (bytes) => withMtu(bytes, 1500 + (reads++ % 2)) })(rules);
  }),
} as const satisfies Record<string, DeviceFault>;

function withMtu(stored: Uint8Array, mtu: number): Uint8Array {
  const config = stored.slice();
  new DataView(config.buffer).setUint16(netConfig.mtu, mtu, true);
  return config;
}

type Kind = 'tcp4' | 'tcp6' | 'udp4' | 'udp6';

const etherTypeOf = (frame: Uint8Array): number => ((frame[12] ?? 0) << 8) | (frame[13] ?? 0);

/** A 16-bit field of struct virtio_net_hdr. */
const fieldOf = (header: Uint8Array, at: number): number => (header[at] ?? 0) | ((header[at + 1] ?? 0) << 8);

function kindOf(frame: Uint8Array): Kind | undefined {
  const type = etherTypeOf(frame);
  const protocol = type === 0x0800 ? frame[23] : type === 0x86dd ? frame[20] : undefined;
  const family = type === 0x0800 ? '4' : '6';
  return protocol === 6 ? `tcp${family}` : protocol === 17 ? `udp${family}` : undefined;
}

/** Sets bits in one byte of the header of received packets of these kinds. */
function withHeaderByte(at: number, bits: number, ...kinds: readonly Kind[]): NetRules['packet'] {
  return (header, frame) => {
    const kind = kindOf(frame);
    const packet = right.packet(header, frame);
    if (kind !== undefined && kinds.includes(kind)) packet[at] = (packet[at] ?? 0) | bits;
    return packet;
  };
}

/** Offers a bit, and CTRL_VQ not. */
function offersBesideCtrlVq(offeredBit: bigint): ReturnType<typeof inNet> {
  return inNet({ offered: (features) => (features & ~VIRTIO_NET_F_CTRL_VQ) | (1n << offeredBit) });
}
