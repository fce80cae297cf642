import {
  type FeatureName,
  type FeatureOwner,
  type FeatureSet,
  hasFeature,
  type RequirementSlug,
} from '../../catalogue/catalogue.ts';
import { blockConfig } from '../../devices/block-layout.ts';
import { netConfig } from '../../devices/net-layout.ts';
import type { Tell } from './observation.ts';

/** What a field of configuration space may hold. */
interface FieldRule {
  readonly requirement: RequirementSlug;
  readonly name: string;
  readonly at: number;
  readonly bytes: number;
  /** Offered: else the field has no meaning. */
  readonly feature?: FeatureName;
  readonly expected: string;
  readonly holds: (value: bigint, others: Others) => boolean;
}

interface Others {
  readonly offers: (name: FeatureName) => boolean;
  /** Undefined where it was not read. */
  readonly field: (at: number, bytes: number) => bigint | undefined;
}

const isPowerOfTwo = (value: bigint): boolean => value > 0n && (value & (value - 1n)) === 0n;
const notZero = { expected: '1 at least', holds: (value: bigint) => value > 0n };
const zeroOrOne = { expected: '0 or 1', holds: (value: bigint) => value <= 1n };

const limit = (name: string, at: number, feature: FeatureName): FieldRule => ({
  requirement: 'blk/range-limits-not-zero',
  name,
  at,
  bytes: 4,
  feature,
  ...notZero,
});

/** Virtio 5.2.4. */
const ofBlock: readonly FieldRule[] = [
  limit('max_discard_sectors', blockConfig.maxDiscardSectors, 'VIRTIO_BLK_F_DISCARD'),
  limit('max_discard_seg', blockConfig.maxDiscardSeg, 'VIRTIO_BLK_F_DISCARD'),
  limit('max_write_zeroes_sectors', blockConfig.maxWriteZeroesSectors, 'VIRTIO_BLK_F_WRITE_ZEROES'),
  limit('max_write_zeroes_seg', blockConfig.maxWriteZeroesSeg, 'VIRTIO_BLK_F_WRITE_ZEROES'),
  limit('max_secure_erase_sectors', blockConfig.maxSecureEraseSectors, 'VIRTIO_BLK_F_SECURE_ERASE'),
  limit('max_secure_erase_seg', blockConfig.maxSecureEraseSeg, 'VIRTIO_BLK_F_SECURE_ERASE'),
  {
    requirement: 'blk/segment-limits-not-zero',
    name: 'seg_max',
    at: blockConfig.segMax,
    bytes: 4,
    feature: 'VIRTIO_BLK_F_SEG_MAX',
    ...notZero,
  },
  {
    requirement: 'blk/segment-limits-not-zero',
    name: 'size_max',
    at: blockConfig.sizeMax,
    bytes: 4,
    feature: 'VIRTIO_BLK_F_SIZE_MAX',
    expected: '512 at least',
    holds: (value) => value >= 512n,
  },
  {
    requirement: 'blk/block-size-power-of-two',
    name: 'blk_size',
    at: blockConfig.blkSize,
    bytes: 4,
    feature: 'VIRTIO_BLK_F_BLK_SIZE',
    expected: 'a power of two, 512 at least',
    holds: (value) => value >= 512n && isPowerOfTwo(value),
  },
  {
    requirement: 'blk/topology-consistent',
    name: 'physical_block_exp',
    at: blockConfig.physicalBlockExp,
    bytes: 1,
    feature: 'VIRTIO_BLK_F_TOPOLOGY',
    // The smallest logical block has 512 bytes, and a physical one fits 32 bits.
    expected: '22 at most',
    holds: (value) => value <= 22n,
  },
  {
    requirement: 'blk/topology-consistent',
    name: 'alignment_offset',
    at: blockConfig.alignmentOffset,
    bytes: 1,
    feature: 'VIRTIO_BLK_F_TOPOLOGY',
    expected: 'within a physical block',
    holds: (value, { field }) => {
      const exponent = field(blockConfig.physicalBlockExp, 1);
      return exponent === undefined || exponent > 22n || value < 1n << exponent;
    },
  },
  {
    requirement: 'blk/writeback-zero-or-one',
    name: 'writeback',
    at: blockConfig.writeback,
    bytes: 1,
    feature: 'VIRTIO_BLK_F_CONFIG_WCE',
    ...zeroOrOne,
  },
  {
    requirement: 'blk/num-queues-at-least-one',
    name: 'num_queues',
    at: blockConfig.numQueues,
    bytes: 2,
    feature: 'VIRTIO_BLK_F_MQ',
    ...notZero,
  },
  {
    requirement: 'blk/write-zeroes-may-unmap-zero-or-one',
    name: 'write_zeroes_may_unmap',
    at: blockConfig.writeZeroesMayUnmap,
    bytes: 1,
    feature: 'VIRTIO_BLK_F_WRITE_ZEROES',
    ...zeroOrOne,
  },
  ...[
    { at: blockConfig.writeback + 1, bytes: 1 },
    { at: blockConfig.writeZeroesMayUnmap + 1, bytes: 3 },
  ].map(
    (place): FieldRule => ({
      requirement: 'blk/config-padding-zero',
      name: 'a field without use',
      ...place,
      expected: '0',
      holds: (value) => value === 0n,
    }),
  ),
];

/** Virtio 5.1.4. */
const ofNet: readonly FieldRule[] = [
  {
    requirement: 'net/mac-unicast',
    name: 'mac',
    at: netConfig.mac,
    bytes: 6,
    feature: 'VIRTIO_NET_F_MAC',
    expected: 'the address of one station',
    holds: (value) => value !== 0n && (value & 1n) === 0n,
  },
  {
    requirement: 'net/status-bits-defined',
    name: 'status',
    at: netConfig.status,
    bytes: 2,
    feature: 'VIRTIO_NET_F_STATUS',
    expected: 'LINK_UP, and ANNOUNCE where that is offered',
    holds: (value, { offers }) => (value & ~(offers('VIRTIO_NET_F_GUEST_ANNOUNCE') ? 3n : 1n)) === 0n,
  },
  {
    requirement: 'net/max-virtqueue-pairs-bounded',
    name: 'max_virtqueue_pairs',
    at: netConfig.maxVirtqueuePairs,
    bytes: 2,
    feature: 'VIRTIO_NET_F_MQ',
    expected: '1 to 0x8000',
    holds: (value) => value >= 1n && value <= 0x8000n,
  },
  {
    requirement: 'net/mtu-bounded',
    name: 'mtu',
    at: netConfig.mtu,
    bytes: 2,
    feature: 'VIRTIO_NET_F_MTU',
    expected: '68 at least',
    holds: (value) => value >= 68n,
  },
  {
    requirement: 'net/mtu-at-least-ipv6-minimum',
    name: 'mtu',
    at: netConfig.mtu,
    bytes: 2,
    feature: 'VIRTIO_NET_F_MTU',
    expected: '1280 at least',
    holds: (value) => value >= 1280n,
  },
  {
    requirement: 'net/speed-valid',
    name: 'speed',
    at: netConfig.speed,
    bytes: 4,
    feature: 'VIRTIO_NET_F_SPEED_DUPLEX',
    expected: '0x7fffffff at most, or 0xffffffff',
    holds: (value) => value <= 0x7fff_ffffn || value === 0xffff_ffffn,
  },
  {
    requirement: 'net/duplex-valid',
    name: 'duplex',
    at: netConfig.duplex,
    bytes: 1,
    feature: 'VIRTIO_NET_F_SPEED_DUPLEX',
    expected: '0, 1 or 0xff',
    holds: (value) => value <= 1n || value === 0xffn,
  },
  {
    requirement: 'net/rss-max-key-size-minimum',
    name: 'rss_max_key_size',
    at: netConfig.rssMaxKeySize,
    bytes: 1,
    feature: 'VIRTIO_NET_F_HASH_REPORT',
    expected: '40 at least',
    holds: (value) => value >= 40n,
  },
  {
    requirement: 'net/rss-max-table-length-minimum',
    name: 'rss_max_indirection_table_length',
    at: netConfig.rssMaxTableLength,
    bytes: 2,
    feature: 'VIRTIO_NET_F_RSS',
    expected: '128 at least',
    holds: (value) => value >= 128n,
  },
];

const rules: Readonly<Record<string, readonly FieldRule[]>> = { block: ofBlock, net: ofNet };

/**
 * Judges the fields that a read of configuration space touched.
 * @param bytes all that were read so far, undefined where none was.
 */
export function judgeFields(
  owner: FeatureOwner,
  offer: FeatureSet,
  bytes: readonly (number | undefined)[],
  window: { readonly offset: number; readonly length: number },
  tell: Tell,
): void {
  const field = (at: number, size: number): bigint | undefined => {
    let value = 0n;
    for (let n = size - 1; n >= 0; n--) {
      const byte = bytes[at + n];
      if (byte === undefined) return undefined;
      value = (value << 8n) | BigInt(byte);
    }
    return value;
  };
  const others: Others = { offers: (name) => hasFeature(offer, name, owner), field };
  for (const rule of rules[owner.device] ?? []) {
    if (rule.at + rule.bytes <= window.offset || rule.at >= window.offset + window.length) continue;
    if (rule.feature !== undefined && !others.offers(rule.feature)) continue;
    const value = field(rule.at, rule.bytes);
    if (value === undefined || rule.holds(value, others)) continue;
    const { requirement, name, expected } = rule;
    tell({ requirement, what: `${name} in configuration space`, expected, actual: `0x${value.toString(16)}` });
  }
}
