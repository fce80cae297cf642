import { VIRTIO_NET_OK } from '../../../reference-impl/devices/net-layout.ts';
import { type CaseContext, defineCase, type VariantAxes } from '../../case.ts';
import type { Check } from '../../check.ts';
import { CommandedPairs } from './commanded-pairs.ts';
import { setHash, setRss } from './control-queue.ts';
import { enabledTypes, flowsOf, keys, supportedOf } from './hashed-flows.ts';
import { internetFrame } from './internet-frame.ts';
import { framesComeBack } from './net-port.ts';
import { hashOfInternetFrame, knownKey } from './toeplitz.ts';

/** Hashes in the header of received packets (virtio 5.1.9.4.5), and the commands by which they are configured. */

type Context = CaseContext<string, VariantAxes>;

const applies = {
  start: 'negotiated',
  transports: ['vhost-vdpa', 'virtio-pci'],
  devices: ['net'],
  needs: ['device.config'],
  negotiate: ['VIRTIO_NET_F_CTRL_VQ', 'VIRTIO_NET_F_HASH_REPORT'],
  without: ['VIRTIO_NET_F_RSS'],
} as const;

/** The acknowledgement of the command that configures hashes, of all types that the device supports. */
function hashConfigured(context: Context, check: Check): number {
  const pairs = new CommandedPairs(context, check, 1);
  const types = supportedOf(context, check, enabledTypes.all);
  return pairs.command(setHash(context.guest, { types, key: knownKey }));
}

const acknowledged = (check: Check, answer: number): boolean =>
  check.equal(answer, VIRTIO_NET_OK, 'acknowledgement of VIRTIO_NET_CTRL_MQ_HASH_CONFIG');

export const alone = defineCase({
  id: 'virtio/net/hash-config-is-acknowledged-without-rss',
  title: 'a device with HASH_REPORT that does not offer RSS acknowledges VIRTIO_NET_CTRL_MQ_HASH_CONFIG',
  proves: { 'net/hash-report-alone-has-hash-config': 'net-lone-hash-command-refused' },
  applies: { ...applies, unoffered: ['VIRTIO_NET_F_RSS'] },
  run(context) {
    const check = context.requirement('net/hash-report-alone-has-hash-config');
    acknowledged(check, hashConfigured(context, check));
  },
});

export const steered = defineCase({
  id: 'virtio/net/hash-config-is-acknowledged-with-automatic-steering',
  title: 'with HASH_REPORT and MQ, and without RSS, VIRTIO_NET_CTRL_MQ_HASH_CONFIG is acknowledged',
  proves: { 'net/hash-report-steering-has-hash-config': 'net-hash-command-refused' },
  applies: { ...applies, negotiate: [...applies.negotiate, 'VIRTIO_NET_F_MQ'] },
  run(context) {
    const check = context.requirement('net/hash-report-steering-has-hash-config');
    acknowledged(check, hashConfigured(context, check));
  },
});

export const some = defineCase({
  id: 'virtio/net/hash-report-has-a-command-for-its-hashes',
  title: 'with HASH_REPORT, and with RSS where it is offered, a command that configures hashes is acknowledged',
  proves: { 'net/hash-report-has-configuration-command': 'net-no-hash-commands' },
  applies: { ...applies, without: [], negotiate: [...applies.negotiate, 'VIRTIO_NET_F_RSS'] },
  run(context) {
    const check = context.requirement('net/hash-report-has-configuration-command');
    const pairs = new CommandedPairs(context, check, 1);
    const types = supportedOf(context, check, enabledTypes.all);
    const rss = { types, table: [0], unclassified: 0, transmitQueues: 1, key: knownKey };
    const answers = [
      pairs.command(setRss(context.guest, rss)),
      pairs.command(setHash(context.guest, { types, key: knownKey })),
    ];
    check.equal(answers.includes(VIRTIO_NET_OK), true, 'one of RSS_CONFIG and HASH_CONFIG is acknowledged');
  },
});

interface Reported {
  readonly value: number;
  readonly report: number;
}

/** hash_value and hash_report of a frame that came back. */
function reportedFor(pairs: CommandedPairs, check: Check, frame: Uint8Array): Reported {
  pairs.send(frame, 0);
  const came = pairs.cameFor(frame);
  check.presumes(came !== undefined, 'each frame comes back');
  return reportedIn(came?.header ?? new Uint8Array(), check);
}

function reportedIn(header: Uint8Array, check: Check): Reported {
  check.presumes(header.length >= 20, 'the header has 20 bytes');
  const view = new DataView(header.buffer, header.byteOffset, header.length);
  return { value: view.getUint32(12, true), report: view.getUint16(16, true) };
}

export const reported = defineCase({
  id: 'virtio/net/hash-and-its-type-are-reported',
  title: 'hash_report tells the type by which a received packet was hashed, and hash_value its Toeplitz hash',
  proves: {
    'net/hash-report-tells-type-and-value': [
      'net-hash-value-big-endian',
      'net-hash-report-counts-from-zero',
      'net-hash-ports-swapped',
      'net-hash-key-ends-early',
      'net-hashed-frames-lost',
    ],
  },
  applies: { ...applies, when: [framesComeBack] },
  variants: { types: ['all', 'addresses'], key: ['known', 'other'] },
  run(context) {
    const { guest, variant, requirement } = context;
    const check = requirement('net/hash-report-tells-type-and-value');
    const pairs = new CommandedPairs(context, check, 1);
    const types = supportedOf(context, check, enabledTypes[variant.types]);
    const key = keys[variant.key];
    check.presumes(pairs.pairFor(internetFrame('tcp4', 90), 0) !== undefined, 'a frame comes back before the command');
    pairs.commanded(setHash(guest, { types, key }), 'the command for hashes');
    for (const { kind, ends, frame } of flowsOf(2)) {
      const hash = hashOfInternetFrame(kind, ends, types, key);
      if (hash === undefined) continue;
      const arrival = pairs.owedFor(frame, 0);
      check.equal(arrival !== undefined, true, `whether a packet (${kind}) comes back while hashes are reported`);
      if (arrival === undefined) return;
      const came = reportedIn(arrival.header, check);
      // A device may fail to hash a packet: then it says so.
      if (came.report === 0) {
        check.inconclusive('a packet came without a hash');
        continue;
      }
      check.equal(came.report, hash.report, `hash_report of a packet (${kind})`);
      check.equal(came.value, hash.value, `hash_value of a packet (${kind})`);
    }
  },
});

export const none = defineCase({
  id: 'virtio/net/packets-without-hash-report-none',
  title: 'hash_report is NONE before any command, and of packets of types that are not enabled',
  proves: {
    'net/hash-report-none-where-not-calculated': ['net-hashes-before-command', 'net-hashes-types-not-enabled'],
  },
  applies: { ...applies, when: [framesComeBack] },
  run(context) {
    const { guest, driver, requirement } = context;
    const check = requirement('net/hash-report-none-where-not-calculated');
    const pairs = new CommandedPairs(context, check, 1);
    const [first, ...others] = flowsOf(1);
    const report = (frame: Uint8Array): number => reportedFor(pairs, check, frame).report;
    check.equal(report(first?.frame ?? driver.net.frame()), 0, 'hash_report before any command');
    const types = supportedOf(context, check, enabledTypes.tcp);
    pairs.commanded(setHash(guest, { types, key: knownKey }), 'the command for hashes');
    for (const { kind, ends, frame } of others) {
      if (hashOfInternetFrame(kind, ends, types, knownKey) !== undefined) continue;
      check.equal(report(frame), 0, `hash_report of a packet (${kind}) whose type is not enabled`);
    }
    check.equal(report(driver.net.frame(90, 7)), 0, 'hash_report of a frame that is no IP packet');
  },
});
