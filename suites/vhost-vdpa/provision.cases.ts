import type { TargetFacts } from '../../drivers/port/port.ts';
import { netConfig } from '../../reference-impl/devices/net-layout.ts';
import { defineCase } from '../case.ts';
import { takes } from './refusal.ts';

/** What a device was made with by its management device, in words of `vdpa dev add`. */

const transports = ['vhost-vdpa'] as const;

type Provisioned = NonNullable<TargetFacts['provisioned']>;

/** Little-endian. */
const number = (bytes: Uint8Array): string => String((bytes[0] ?? 0) | ((bytes[1] ?? 0) << 8));

/** Fields of configuration that are provisioned: where they are, and how the words have them. */
const fields = [
  {
    word: 'mac',
    at: netConfig.mac,
    length: 6,
    text: (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':'),
  },
  { word: 'mtu', at: netConfig.mtu, length: 2, text: number },
  { word: 'max_vqp', at: netConfig.maxVirtqueuePairs, length: 2, text: number },
] as const;

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
    for (const { word, at, length, text } of fieldsIn(provisioned)) {
      const read = calls.readConfig(at, length);
      if (typeof read === 'number') takes(check, read, `a read of ${word}`);
      else check.equal(text(read), provisioned[word], word);
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
    else check.equal(`0x${offered.toString(16)}`, `0x${BigInt(word).toString(16)}`, 'features that are offered');
  },
});
