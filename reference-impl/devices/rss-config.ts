import type { HashConfig } from './net-hash.ts';
import { RSS_MAX_KEY_SIZE, RSS_MAX_TABLE_LENGTH, supportedHashTypes } from './net-layout.ts';

/** Data of the commands by which a driver configures hashes (virtio 5.1.9.5.6.4, 5.1.9.5.7.1). */

/** Pairs count from 0. */
export interface RssConfig extends HashConfig {
  readonly mask: number;
  readonly table: readonly number[];
  /** The pair for packets without a hash. */
  readonly unclassified: number;
}

const MASK = 4;
const UNCLASSIFIED = 6;
const TABLE = 8;
const HASH_KEY_LENGTH = 12;

/** struct virtio_net_hash_config; undefined where it is not one that the device can do. */
export const decodeHashConfig = (data: DataView): HashConfig | undefined => hashConfig(data, HASH_KEY_LENGTH);

/** struct virtio_net_rss_config for a device with so many pairs; undefined where it is not one that the device can do. */
export function decodeRssConfig(data: DataView, pairs: number): RssConfig | undefined {
  if (data.byteLength < TABLE) return undefined;
  const mask = data.getUint16(MASK, true);
  const entries = mask + 1;
  // Behind the table: max_tx_vq, and the length of the key.
  const keyLengthAt = TABLE + 2 * entries + 2;
  if (entries > RSS_MAX_TABLE_LENGTH || (entries & mask) !== 0 || data.byteLength <= keyLengthAt) return undefined;
  const hash = hashConfig(data, keyLengthAt);
  const unclassified = data.getUint16(UNCLASSIFIED, true);
  const table = Array.from({ length: entries }, (_, n) => data.getUint16(TABLE + 2 * n, true));
  const areThere = [unclassified, ...table].every((pair) => pair < pairs);
  return hash === undefined || !areThere ? undefined : { ...hash, mask, table, unclassified };
}

/** Types stand at the start, the length of the key where it is told, and the key behind it. */
function hashConfig(data: DataView, keyLengthAt: number): HashConfig | undefined {
  if (data.byteLength <= keyLengthAt) return undefined;
  const types = data.getUint32(0, true);
  const length = data.getUint8(keyLengthAt);
  const key = new Uint8Array(data.buffer, data.byteOffset + keyLengthAt + 1).slice(0, length);
  const isPossible = length <= RSS_MAX_KEY_SIZE && key.length === length && (types & ~supportedHashTypes) === 0;
  return isPossible ? { types, key } : undefined;
}
