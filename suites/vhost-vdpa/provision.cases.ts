import type { TargetFacts } from '../../drivers/port/port.ts';
import { featureMask } from '../../reference-impl/catalogue/catalogue.ts';
import {
  netConfig,
  VIRTIO_NET_F_MAC,
  VIRTIO_NET_F_MQ,
  VIRTIO_NET_F_MTU,
} from '../../reference-impl/devices/net-layout.ts';
import { defineCase } from '../case.ts';
import { takes } from '../vhost-kernel/refusal.ts';

/** What a device was made with by its management device, in words of `vdpa dev add`. */

const transports = ['vhost-vdpa'] as const;
/** With it, too, the number of pairs is told (virtio 5.1.4). */
const VIRTIO_NET_F_RSS = featureMask('VIRTIO_NET_F_RSS');

type Provisioned = NonNullable<TargetFacts['provisioned']>;

/** Little-endian. */
const number = (bytes: Uint8Array): number => (bytes[0] ?? 0) | ((bytes[1] ?? 0) << 8);
/** As the words of the tool may have it: leading zeros and capital letters mean nothing. */
const macOf = (word: string): string =>
  word
    .split(':')
    .map((part) => Number.parseInt(part, 16))
    .join(':');

/** Fields of configuration that are provisioned: where they are, with which features, and how the words have them. */
const fields = [
  {
    word: 'mac',
    at: netConfig.mac,
    length: 6,
    features: VIRTIO_NET_F_MAC,
    read: (bytes: Uint8Array): string => [...bytes].join(':'),
    asked: macOf,
  },
  {
    word: 'mtu',
    at: netConfig.mtu,
    length: 2,
    features: VIRTIO_NET_F_MTU,
    read: (bytes: Uint8Array): string => String(number(bytes)),
    asked: (word: string): string => String(Number(word)),
  },
  {
    word: 'max_vqp',
    at: netConfig.maxVirtqueuePairs,
    length: 2,
    features: VIRTIO_NET_F_MQ | VIRTIO_NET_F_RSS,
    read: (bytes: Uint8Array): string => String(number(bytes)),
    asked: (word: string): string => String(Number(word)),
  },
] as const;

/** The tool reads the word in base 16, with `0x` and without. */
const featuresOf = (word: string): bigint => BigInt(`0x${word.replace(/^0x/i, '')}`);

const fieldsIn = (provisioned: Provisioned = {}): readonly (typeof fields)[number][] =>
  fields.filter(({ word }) => provisioned[word] !== undefined);

export const configuration = defineCase({
  id: 'vhost-vdpa/provision/configuration-is-as-provisioned',
  title: 'configuration has the mac, the mtu and the pairs of rings that the device was made with',
  proves: { 'vk-provision/configuration-is-as-provisioned': 'net-mtu-is-another' },
  applies: {
    start: 'negotiated',
    transports,
    devices: ['net'],
    ring: 'none',
    when: [
      {
        holds: ({ provisioned }) => fieldsIn(provisioned).length > 0,
        missing: 'mac, mtu or max_vqp that the device was made with',
      },
    ],
  },
  run({ session: { calls }, port, requirement }) {
    const check = requirement('vk-provision/configuration-is-as-provisioned');
    const { provisioned = {} } = port.facts;
    const offered = calls.features();
    if (typeof offered === 'number') {
      takes(check, offered, 'GET_FEATURES');
      return;
    }
    // A field is there with its feature alone.
    const present = fieldsIn(provisioned).filter(({ features: of }) => (offered & of) !== 0n);
    check.presumes(present.length > 0, 'a feature is offered whose field was provisioned');
    for (const { word, at, length, read, asked } of present) {
      const bytes = calls.readConfig(at, length);
      if (typeof bytes === 'number') takes(check, bytes, `a read of ${word}`);
      else check.equal(read(bytes), asked(provisioned[word] ?? ''), word);
    }
  },
});

export const features = defineCase({
  id: 'vhost-vdpa/provision/features-are-those-provisioned',
  title: 'the device offers the features that it was made with, and no others',
  proves: { 'vk-provision/features-are-those-provisioned': 'vdpa-offers-more-than-provisioned' },
  applies: {
    start: 'connected',
    transports,
    ring: 'none',
    when: [
      {
        holds: ({ provisioned = {} }) => provisioned['device_features'] !== undefined,
        missing: 'device_features that the device was made with',
      },
    ],
  },
  run({ session: { calls }, port, requirement }) {
    const check = requirement('vk-provision/features-are-those-provisioned');
    const word = port.facts.provisioned?.['device_features'] ?? '0';
    const offered = calls.features();
    if (typeof offered === 'number') takes(check, offered, 'GET_FEATURES');
    else check.equal(`0x${offered.toString(16)}`, `0x${featuresOf(word).toString(16)}`, 'features that are offered');
  },
});
