import type { FeatureName } from '../../../reference-impl/catalogue/catalogue.ts';
import { defineCase } from '../../case.ts';
import { type ConfigField, configFrom, fieldFrom } from '../device-parts.ts';
import { bitOf } from '../features/offered-bits.ts';

/** What the fields that come with a feature may hold (virtio 5.1.4). */

const applies = <const Feature extends FeatureName>(...negotiate: readonly Feature[]) =>
  ({ start: 'negotiated', devices: ['net'], negotiate, needs: ['device.config'], ring: 'none' }) as const;

const macBytes = 6;
const fields = {
  status: { name: 'status', at: 6, bytes: 2 },
  speed: { name: 'speed', at: 12, bytes: 4 },
  duplex: { name: 'duplex', at: 16, bytes: 1 },
  rssMaxKeySize: { name: 'rss_max_key_size', at: 17, bytes: 1 },
  rssMaxTableLength: { name: 'rss_max_indirection_table_length', at: 18, bytes: 2 },
} as const satisfies Record<string, ConfigField>;

const LINK_UP = 1;
const ANNOUNCE = 2;
const UNKNOWN_SPEED = 0xffff_ffff;

export const mac = defineCase({
  id: 'virtio/net/mac-is-unicast',
  title: 'where MAC is offered, mac is the address of one station: its group bit is 0, and it is not all zeros',
  proves: { 'net/mac-unicast': ['net-mac-multicast', 'net-mac-zero'] },
  applies: applies('VIRTIO_NET_F_MAC'),
  run({ session, requirement }) {
    const check = requirement('net/mac-unicast');
    const address = configFrom(session, check, macBytes);
    check.equal((address[0] ?? 0) & 1, 0, 'group bit of mac');
    check.equal(
      address.some((byte) => byte !== 0),
      true,
      'a byte of mac that is not 0',
    );
  },
});

export const status = defineCase({
  id: 'virtio/net/status-has-defined-bits',
  title: 'where STATUS is offered, status has no bits but LINK_UP, and ANNOUNCE where GUEST_ANNOUNCE is offered',
  proves: { 'net/status-bits-defined': 'net-status-undefined-bit' },
  applies: applies('VIRTIO_NET_F_STATUS'),
  run({ session, requirement }) {
    const check = requirement('net/status-bits-defined');
    const announces = (session.negotiated.offered.device & bitOf('VIRTIO_NET_F_GUEST_ANNOUNCE')) !== 0n;
    const defined = announces ? LINK_UP | ANNOUNCE : LINK_UP;
    check.equal(fieldFrom(session, check, fields.status) & ~defined, 0, 'bits of status that have no meaning');
  },
});

export const speed = defineCase({
  id: 'virtio/net/speed-is-valid',
  title: 'with SPEED_DUPLEX, speed is at most 0x7fffffff, or 0xffffffff for unknown',
  proves: { 'net/speed-valid': 'net-speed-out-of-range' },
  applies: applies('VIRTIO_NET_F_SPEED_DUPLEX'),
  run({ session, requirement }) {
    const check = requirement('net/speed-valid');
    const told = fieldFrom(session, check, fields.speed);
    if (told === UNKNOWN_SPEED) check.equal(told, UNKNOWN_SPEED, 'speed');
    else check.atMost(told, 0x7fff_ffff, 'speed');
  },
});

export const duplex = defineCase({
  id: 'virtio/net/duplex-is-valid',
  title: 'with SPEED_DUPLEX, duplex is 0, 1, or 0xff for unknown',
  proves: { 'net/duplex-valid': 'net-duplex-undefined' },
  applies: applies('VIRTIO_NET_F_SPEED_DUPLEX'),
  run({ session, requirement }) {
    const check = requirement('net/duplex-valid');
    check.oneOf(fieldFrom(session, check, fields.duplex), [0, 1, 0xff], 'duplex');
  },
});

const keySize = { 'net/rss-max-key-size-minimum': 'net-rss-key-size-too-small' } as const;
const leastKeySize = 40;
// Over vhost-user and its like the front-end serves the control queue, and with it the fields of hashes.
const transports = ['vhost-vdpa', 'virtio-pci'] as const;

export const keySizeOfRss = defineCase({
  id: 'virtio/net/rss-max-key-size-is-enough',
  title: 'with RSS, rss_max_key_size is at least 40',
  proves: keySize,
  applies: { ...applies('VIRTIO_NET_F_CTRL_VQ', 'VIRTIO_NET_F_RSS'), transports },
  run({ session, requirement }) {
    const check = requirement('net/rss-max-key-size-minimum');
    check.atLeast(fieldFrom(session, check, fields.rssMaxKeySize), leastKeySize, 'rss_max_key_size');
  },
});

export const keySizeOfReport = defineCase({
  id: 'virtio/net/rss-max-key-size-is-enough-for-hash-report',
  title: 'with HASH_REPORT, rss_max_key_size is at least 40',
  proves: keySize,
  applies: {
    ...applies('VIRTIO_NET_F_CTRL_VQ', 'VIRTIO_NET_F_HASH_REPORT'),
    transports,
    without: ['VIRTIO_NET_F_RSS'],
  },
  run({ session, requirement }) {
    const check = requirement('net/rss-max-key-size-minimum');
    check.atLeast(fieldFrom(session, check, fields.rssMaxKeySize), leastKeySize, 'rss_max_key_size');
  },
});

export const tableLength = defineCase({
  id: 'virtio/net/rss-max-indirection-table-length-is-enough',
  title: 'with RSS, rss_max_indirection_table_length is at least 128',
  proves: { 'net/rss-max-table-length-minimum': 'net-rss-table-too-small' },
  applies: { ...applies('VIRTIO_NET_F_CTRL_VQ', 'VIRTIO_NET_F_RSS'), transports },
  run({ session, requirement }) {
    const check = requirement('net/rss-max-table-length-minimum');
    const length = fieldFrom(session, check, fields.rssMaxTableLength);
    check.atLeast(length, 128, 'rss_max_indirection_table_length');
  },
});
