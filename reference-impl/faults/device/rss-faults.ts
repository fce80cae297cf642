import { type HashConfig, hashOf, toeplitz } from '../../devices/net-hash.ts';
import { netConfig } from '../../devices/net-layout.ts';
import { netRules } from '../../devices/net-rules.ts';
import { steeringRules as right } from '../../devices/net-steering.ts';
import type { DeviceFault } from '../fault.ts';
import { deviceFault, inNet, noPair } from './device-fault.ts';

/** Hashes of received packets, and receive-side scaling. */
export const rssFaults = {
  'net-rss-table-index-unmasked': deviceFault(
    'net/rss-destination-follows-hash',
    'the index into the indirection table is that of the upper half of the hash',
    inNet({ tableIndex: (hash, mask) => (hash >>> 16) & mask }),
  ),
  'net-rss-table-read-from-its-end': deviceFault(
    'net/rss-destination-follows-hash',
    'an indirection table of several entries is read from its end',
    inNet({ tableIndex: (hash, mask) => mask - ((hash & mask) >>> 0) }),
  ),
  'net-rss-unclassified-on-first-queue': deviceFault(
    'net/rss-destination-follows-hash',
    'packets without a hash come on the first receive queue',
    inNet({ unclassified: () => 0 }),
  ),
  'net-rss-key-of-its-own': deviceFault(
    'net/rss-destination-follows-hash',
    'the key of the driver is left alone: the hash has another one',
    inNet({ hash: (frame, config) => hashOf(frame, { ...config, key: config.key.toReversed() }) }),
  ),
  'net-rss-udp-hashed-on-addresses': deviceFault(
    'net/rss-destination-follows-hash',
    'packets of UDP are hashed over their addresses alone, where ports are enabled',
    inNet({ hash: (frame, config) => hashOf(frame, withoutUdp(config)) }),
  ),
  'net-rss-frames-lost': deviceFault(
    'net/rss-destination-follows-hash',
    'with receive-side scaling configured nothing is received',
    inNet({
      hash: (frame, config) => ('table' in config ? undefined : hashOf(frame, config)),
      unclassified: () => noPair,
    }),
  ),
  'net-rss-command-refused': deviceFault(
    'net/rss-has-rss-config',
    'VIRTIO_NET_CTRL_MQ_RSS_CONFIG is answered with VIRTIO_NET_ERR',
    inNet({ knowsRss: () => false }),
  ),
  'net-hash-command-refused': deviceFault(
    'net/hash-report-steering-has-hash-config',
    'VIRTIO_NET_CTRL_MQ_HASH_CONFIG is answered with VIRTIO_NET_ERR',
    inNet({ knowsHash: () => false }),
  ),
  'net-lone-hash-command-refused': deviceFault(
    'net/hash-report-alone-has-hash-config',
    'a device of one pair answers VIRTIO_NET_CTRL_MQ_HASH_CONFIG with VIRTIO_NET_ERR',
    inNet({ knowsHash: (pairs) => pairs > 1 }),
  ),
  'net-no-hash-commands': deviceFault(
    'net/hash-report-has-configuration-command',
    'neither command that configures hashes is known',
    inNet({ knowsRss: () => false, knowsHash: () => false }),
  ),
  'net-rss-frames-for-queue-in-reset-elsewhere': deviceFault(
    'net/rss-drops-for-queue-in-reset',
    'packets that RSS directs to a queue in reset come on the first receive queue',
    inNet({ dropsInReset: () => false }),
  ),
  'net-hash-value-big-endian': deviceFault(
    'net/hash-report-tells-type-and-value',
    'hash_value is big-endian',
    inNet({ hashFields: (hash) => reversed(right.hashFields(hash), 0, 4) }),
  ),
  'net-hash-report-counts-from-zero': deviceFault(
    'net/hash-report-tells-type-and-value',
    'hash_report is the number of the bit of the type, not one more',
    inNet({
      hashFields: (hash) =>
        right.hashFields(hash === undefined || hash.report < 2 ? hash : { ...hash, report: hash.report - 1 }),
    }),
  ),
  'net-hash-ports-swapped': deviceFault(
    'net/hash-report-tells-type-and-value',
    'the destination port is hashed ahead of the source port',
    inNet({ hash: (frame, config) => hashOf(swappedPorts(frame), config) }),
  ),
  'net-hash-key-ends-early': deviceFault(
    'net/hash-report-tells-type-and-value',
    'the last byte of a key of 40 bytes is taken as 0',
    inNet({ hash: (frame, config) => hashOf(frame, { ...config, key: config.key.subarray(0, 39) }) }),
  ),
  'net-hashed-frames-lost': deviceFault(
    'net/hash-report-tells-type-and-value',
    'once hashes are configured nothing is received, up to the next reset',
    (rules) => {
      let isTold = false;
      return inNet({
        knowsHash: (pairs) => {
          isTold = true;
          return right.knowsHash(pairs);
        },
        pairAtFirst: (most, frames) => (isTold ? noPair : right.pairAtFirst(most, frames)),
        filterAfterReset: (filter) => {
          isTold = false;
          return netRules.filterAfterReset(filter);
        },
      })(rules);
    },
  ),
  'net-hashes-before-command': deviceFault(
    'net/hash-report-none-where-not-calculated',
    'packets are hashed before a command configured that',
    inNet({
      hashFields: (hash) =>
        right.hashFields(hash ?? { value: toeplitz(new Uint8Array(40), new Uint8Array(8)), report: 1 }),
    }),
  ),
  'net-hashes-types-not-enabled': deviceFault(
    'net/hash-report-none-where-not-calculated',
    'packets of all types are hashed, once one is enabled',
    inNet({ hash: (frame, config) => hashOf(frame, { ...config, types: config.types === 0 ? 0 : 0x3f }) }),
  ),
  'net-rss-key-size-too-small': deviceFault(
    'net/rss-max-key-size-minimum',
    'rss_max_key_size is 39',
    inNet({ config: (bytes) => bytes.slice().fill(39, netConfig.rssMaxKeySize, netConfig.rssMaxKeySize + 1) }),
  ),
  'net-rss-table-too-small': deviceFault(
    'net/rss-max-table-length-minimum',
    'rss_max_indirection_table_length is 64',
    inNet({ config: (bytes) => bytes.slice().fill(64, netConfig.rssMaxTableLength, netConfig.rssMaxTableLength + 1) }),
  ),
} as const satisfies Record<string, DeviceFault>;

const UDP = 0x24;

const withoutUdp = (config: HashConfig): HashConfig => ({ ...config, types: config.types & ~UDP });

function reversed(bytes: Uint8Array, from: number, to: number): Uint8Array {
  const changed = bytes.slice();
  changed.set(bytes.slice(from, to).reverse(), from);
  return changed;
}

/** Ports of TCP and UDP behind an IP header without options. */
function swappedPorts(frame: Uint8Array): Uint8Array {
  const at = frame[12] === 0x86 ? 54 : 34;
  const changed = frame.slice();
  changed.set(frame.subarray(at + 2, at + 4), at);
  changed.set(frame.subarray(at, at + 2), at + 2);
  return changed;
}
