import { VIRTIO_NET_OK } from '../../../reference-impl/devices/net-layout.ts';
import { defineCase } from '../../case.ts';
import { CommandedPairs } from './commanded-pairs.ts';
import { setRss } from './control-queue.ts';
import { enabledTypes, flowsOf, keys, rssApplies, supportedOf } from './hashed-flows.ts';
import { internetFrame } from './internet-frame.ts';
import { hashOfInternetFrame, knownKey } from './toeplitz.ts';

/** Receive-side scaling (virtio 5.1.9.5.7). Receive queues count from 1, as in the text. */

export const destination = defineCase({
  id: 'virtio/net/rss-destination-follows-hash-and-table',
  title:
    'with RSS each packet comes on the receive queue that its hash, the mask and the indirection table give, or on unclassified_queue',
  proves: {
    'net/rss-destination-follows-hash': [
      'net-rss-table-index-unmasked',
      'net-rss-unclassified-on-first-queue',
      'net-rss-key-of-its-own',
      'net-rss-udp-hashed-on-addresses',
      'net-rss-table-read-from-its-end',
      'net-rss-frames-lost',
    ],
  },
  applies: rssApplies,
  variants: { types: ['all', 'addresses', 'tcp', 'udp'], entries: [1, 8, 128], key: ['known', 'other'] },
  run(context) {
    const { guest, variant, requirement } = context;
    const check = requirement('net/rss-destination-follows-hash');
    const pairs = new CommandedPairs(context, check);
    const types = supportedOf(context, check, enabledTypes[variant.types]);
    const key = keys[variant.key];
    const last = pairs.count - 1;
    const table = Array.from({ length: variant.entries }, (_, n) => (3 * n + (n >> 3) + 1) % pairs.count);
    const rss = { types, table, unclassified: last, transmitQueues: 1, key };
    check.presumes(pairs.pairFor(internetFrame('tcp4', 90), 0) !== undefined, 'a frame comes back before the command');
    pairs.commanded(setRss(guest, rss), 'the command for receive-side scaling');
    for (const { kind, ends, frame } of flowsOf(3)) {
      const hash = hashOfInternetFrame(kind, ends, types, key);
      const at = hash === undefined ? undefined : (hash.value & (variant.entries - 1)) >>> 0;
      const expected = at === undefined ? last : (table[at] ?? 0);
      const came = pairs.owedFor(frame, 0);
      const why = hash === undefined ? 'without a hash' : `whose hash is 0x${hash.value.toString(16)}, entry ${at}`;
      const place = came === undefined ? 'none' : came.pair + 1;
      check.equal(place, expected + 1, `the receive queue of a packet (${kind}) ${why}`);
      if (came === undefined) return;
    }
    const other = context.driver.net.frame(90, 7);
    check.equal(pairs.pairFor(other, 0), last, 'the pair of a frame that is no IP packet, from 0');
  },
});

export const command = defineCase({
  id: 'virtio/net/command-for-rss-is-acknowledged',
  title: 'with RSS the command VIRTIO_NET_CTRL_MQ_RSS_CONFIG is acknowledged with VIRTIO_NET_OK',
  proves: { 'net/rss-has-rss-config': 'net-rss-command-refused' },
  applies: rssApplies,
  run(context) {
    const check = context.requirement('net/rss-has-rss-config');
    const pairs = new CommandedPairs(context, check);
    const types = supportedOf(context, check, enabledTypes.all);
    for (const entries of [1, 128]) {
      const table = Array.from({ length: entries }, (_, n) => n % pairs.count);
      const rss = { types, table, unclassified: 0, transmitQueues: pairs.count, key: knownKey };
      const answer = pairs.command(setRss(context.guest, rss));
      check.equal(answer, VIRTIO_NET_OK, `acknowledgement of the command with ${entries} entries`);
    }
  },
});
