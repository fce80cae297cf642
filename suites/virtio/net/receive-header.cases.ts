import type { FeatureName } from '../../../reference-impl/catalogue/catalogue.ts';
import { defineCase } from '../../case.ts';
import { internetFrame, isChecksummed } from './internet-frame.ts';
import {
  decodeNetHeader,
  type NetHeader,
  netPort,
  VIRTIO_NET_HDR_F_RSC_INFO,
  VIRTIO_NET_HDR_GSO_ECN,
  VIRTIO_NET_HDR_GSO_NONE,
  VIRTIO_NET_HDR_GSO_TCPV4,
  VIRTIO_NET_HDR_GSO_TCPV6,
  VIRTIO_NET_HDR_GSO_UDP,
  VIRTIO_NET_HDR_GSO_UDP_L4,
} from './net-port.ts';

/** The header of a received packet where nothing was negotiated that would fill it (virtio 5.1.6.4.1). */

type Context = Parameters<typeof netPort>[0];

const guestSegmentation = [
  'VIRTIO_NET_F_GUEST_TSO4',
  'VIRTIO_NET_F_GUEST_TSO6',
  'VIRTIO_NET_F_GUEST_ECN',
  'VIRTIO_NET_F_GUEST_UFO',
  'VIRTIO_NET_F_GUEST_USO4',
  'VIRTIO_NET_F_GUEST_USO6',
] as const satisfies readonly FeatureName[];

/** The headers with which frames of these kinds come back, first a plain one. */
function receivedHeaders(context: Context, kinds: readonly Parameters<typeof internetFrame>[0][]): NetHeader[] {
  const { driver } = context;
  const { transmit, receive } = netPort(context);
  const frames = [driver.net.frame(100, 1), ...kinds.map((kind) => internetFrame(kind, 1400))];
  return frames.map((frame) => decodeNetHeader(driver.net.roundTrip(transmit, receive, frame).header));
}

export const flags = defineCase({
  id: 'virtio/net/receive-flags-are-zero-without-guest-csum',
  title: 'without GUEST_CSUM the flags of a received packet are zero',
  proves: { 'net/rx-flags-zero-without-guest-csum': 'net-receive-flags-set' },
  applies: {
    start: 'negotiated',
    devices: ['net'],
    without: ['VIRTIO_NET_F_GUEST_CSUM', 'VIRTIO_NET_F_RSC_EXT'],
  },
  run(context) {
    const check = context.requirement('net/rx-flags-zero-without-guest-csum');
    for (const header of receivedHeaders(context, ['tcp4', 'udp4', 'tcp6'])) check.equal(header.flags, 0, 'flags');
  },
});

export const rscInfo = defineCase({
  id: 'virtio/net/receive-rsc-info-is-clear-without-feature',
  title: 'without RSC_EXT the flag RSC_INFO of a received packet is clear',
  proves: { 'net/rx-rsc-info-clear-without-feature': 'net-receive-rsc-info-set' },
  applies: { start: 'negotiated', devices: ['net'], without: ['VIRTIO_NET_F_RSC_EXT'] },
  run(context) {
    const check = context.requirement('net/rx-rsc-info-clear-without-feature');
    for (const header of receivedHeaders(context, ['tcp4', 'tcp6'])) {
      check.equal(header.flags & VIRTIO_NET_HDR_F_RSC_INFO, 0, 'RSC_INFO in flags');
    }
  },
});

export const noSegmentation = defineCase({
  id: 'virtio/net/receive-gso-type-is-none-without-features',
  title: 'without a guest segmentation feature the gso_type of a received packet is NONE',
  proves: { 'net/rx-gso-none-without-features': 'net-receive-gso-set' },
  applies: { start: 'negotiated', devices: ['net'], without: guestSegmentation },
  run(context) {
    const check = context.requirement('net/rx-gso-none-without-features');
    for (const header of receivedHeaders(context, ['tcp4', 'tcp6', 'udp4'])) {
      check.equal(header.gsoType, VIRTIO_NET_HDR_GSO_NONE, 'gso_type');
    }
  },
});

export const noTcp4 = defineCase({
  id: 'virtio/net/receive-no-tcpv4-segments-without-guest-tso4',
  title: 'without GUEST_TSO4 no received packet says that it is a TCPv4 segment',
  proves: { 'net/rx-no-tcpv4-without-guest-tso4': 'net-receive-tcpv4-as-segment' },
  applies: { start: 'negotiated', devices: ['net'], without: ['VIRTIO_NET_F_GUEST_TSO4'] },
  run(context) {
    const check = context.requirement('net/rx-no-tcpv4-without-guest-tso4');
    for (const header of receivedHeaders(context, ['tcp4', 'tcp4-ecn'])) {
      check.notEqual(header.gsoType & ~VIRTIO_NET_HDR_GSO_ECN, VIRTIO_NET_HDR_GSO_TCPV4, 'gso_type');
    }
  },
});

export const noTcp6 = defineCase({
  id: 'virtio/net/receive-no-tcpv6-segments-without-guest-tso6',
  title: 'without GUEST_TSO6 no received packet says that it is a TCPv6 segment',
  proves: { 'net/rx-no-tcpv6-without-guest-tso6': 'net-receive-tcpv6-as-segment' },
  applies: { start: 'negotiated', devices: ['net'], without: ['VIRTIO_NET_F_GUEST_TSO6'] },
  run(context) {
    const check = context.requirement('net/rx-no-tcpv6-without-guest-tso6');
    for (const header of receivedHeaders(context, ['tcp6'])) {
      check.notEqual(header.gsoType & ~VIRTIO_NET_HDR_GSO_ECN, VIRTIO_NET_HDR_GSO_TCPV6, 'gso_type');
    }
  },
});

export const noUdp = defineCase({
  id: 'virtio/net/receive-no-udp-fragments-without-guest-ufo',
  title: 'without GUEST_UFO no received packet says that it is a UDP fragment',
  proves: { 'net/rx-no-udp-without-guest-ufo': 'net-receive-udp-as-fragment' },
  applies: { start: 'negotiated', devices: ['net'], without: ['VIRTIO_NET_F_GUEST_UFO'] },
  run(context) {
    const check = context.requirement('net/rx-no-udp-without-guest-ufo');
    for (const header of receivedHeaders(context, ['udp4', 'udp6'])) {
      check.notEqual(header.gsoType & ~VIRTIO_NET_HDR_GSO_ECN, VIRTIO_NET_HDR_GSO_UDP, 'gso_type');
    }
  },
});

export const noUdpSegments = defineCase({
  id: 'virtio/net/receive-no-udp-segments-without-guest-uso',
  title: 'without GUEST_USO4 and GUEST_USO6 no received packet says that it is a UDP segment',
  proves: { 'net/rx-no-udp-l4-without-guest-uso': 'net-receive-udp-as-segment' },
  applies: {
    start: 'negotiated',
    devices: ['net'],
    without: ['VIRTIO_NET_F_GUEST_USO4', 'VIRTIO_NET_F_GUEST_USO6'],
  },
  run(context) {
    const check = context.requirement('net/rx-no-udp-l4-without-guest-uso');
    for (const header of receivedHeaders(context, ['udp4', 'udp6'])) {
      check.notEqual(header.gsoType & ~VIRTIO_NET_HDR_GSO_ECN, VIRTIO_NET_HDR_GSO_UDP_L4, 'gso_type');
    }
  },
});

export const noEcn = defineCase({
  id: 'virtio/net/receive-no-ecn-segments-without-guest-ecn',
  title: 'without GUEST_ECN no received packet has the ECN bit in its gso_type',
  proves: { 'net/rx-no-ecn-without-guest-ecn': 'net-receive-ecn-bit-set' },
  applies: { start: 'negotiated', devices: ['net'], without: ['VIRTIO_NET_F_GUEST_ECN'] },
  run(context) {
    const check = context.requirement('net/rx-no-ecn-without-guest-ecn');
    for (const header of receivedHeaders(context, ['tcp4', 'tcp4-ecn'])) {
      check.equal(header.gsoType & VIRTIO_NET_HDR_GSO_ECN, 0, 'ECN bit of gso_type');
    }
  },
});

export const numBuffersOne = defineCase({
  id: 'virtio/net/num-buffers-is-one-without-mergeable',
  title: 'without MRG_RXBUF num_buffers of a received packet is 1, whatever the buffer held before',
  proves: { 'net/num-buffers-one-without-mergeable': 'net-num-buffers-zero' },
  applies: { start: 'negotiated', devices: ['net'], without: ['VIRTIO_NET_F_MRG_RXBUF'] },
  variants: { bytes: [60, 1514] },
  run(context) {
    const { driver, variant, requirement } = context;
    const { transmit, receive } = netPort(context);
    const { header } = driver.net.roundTrip(transmit, receive, driver.net.frame(variant.bytes, 9));
    const check = requirement('net/num-buffers-one-without-mergeable');
    check.equal(header.length, driver.net.headerSize, 'bytes of header');
    check.equal(decodeNetHeader(header).numBuffers, 1, 'num_buffers');
  },
});

export const checksummed = defineCase({
  id: 'virtio/net/received-packets-are-fully-checksummed',
  title: 'without GUEST_CSUM the checksum of TCP and UDP in received packets is right',
  proves: { 'net/rx-fully-checksummed-without-guest-csum': 'net-received-checksum-left-out' },
  applies: { start: 'negotiated', devices: ['net'], without: ['VIRTIO_NET_F_GUEST_CSUM'] },
  run(context) {
    const { driver, requirement } = context;
    const { transmit, receive } = netPort(context);
    const check = requirement('net/rx-fully-checksummed-without-guest-csum');
    for (const kind of ['tcp4', 'udp4', 'tcp6', 'udp6'] as const) {
      const { frame } = driver.net.roundTrip(transmit, receive, internetFrame(kind, 600));
      check.equal(isChecksummed(frame), true, `checksum of ${kind} is right`);
    }
  },
});
