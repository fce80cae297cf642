import type { VirtioPciSession } from '../../drivers/port/port.ts';
import type { Attempt } from '../../judging/refusal.ts';
import { type FeatureName, featureByName } from '../../reference-impl/catalogue/catalogue.ts';
import { defineCase } from '../case.ts';
import type { Check } from '../check.ts';
import { FEATURES_OK } from '../virtio/status/status-bits.ts';
import { field, told } from './function.ts';

/** Feature bits, a window of 32 at a time (virtio 4.1.4.3). */

const applies = { start: 'prepared', transports: ['virtio-pci'], ring: 'none' } as const;

/** Behind the last window that any bit has a meaning in: these show nothing. */
const beyond = [4, 5, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

const windowOf = (word: bigint, select: number): number => Number((word >> (32n * BigInt(select))) & 0xffff_ffffn);
const hex = (value: number): string => `0x${value.toString(16)}`;

const offerIn = (session: VirtioPciSession, check: Check, select: number): number => {
  told(check, session.pci.write('deviceFeatureSelect', select), 'device_feature_select');
  return field(session, check, 'deviceFeature');
};

export const offerFollowsSelector = defineCase({
  id: 'virtio-pci/features/offer-follows-its-selector',
  title: 'device_feature shows the window of device_feature_select, in any order, and nothing behind the last one',
  proves: { 'pci/device-feature-follows-selector': 'pci-feature-selector-wraps' },
  applies,
  run({ session, requirement }) {
    const check = requirement('pci/device-feature-follows-selector');
    const known = [0, 1, 2, 3].map((select) => offerIn(session, check, select));
    for (const select of [1, 3, 0, 2, 0]) {
      check.equal(hex(offerIn(session, check, select)), hex(known[select] ?? 0), `window ${select}, read again`);
    }
    // VERSION_1 is bit 32: a device that shows it nowhere shows its windows wrong.
    check.equal((known[1] ?? 0) & 1, 1, 'bit 0 of window 1');
    for (const select of beyond) check.equal(hex(offerIn(session, check, select)), '0x0', `window ${select}`);
  },
});

export const acceptedReadsBack = defineCase({
  id: 'virtio-pci/features/accepted-bits-read-back',
  title: 'driver_feature reads as it was written for each driver_feature_select, of bits that are offered',
  proves: { 'pci/driver-feature-reads-back': 'pci-driver-features-show-first-window' },
  applies,
  run({ session, requirement }) {
    const check = requirement('pci/driver-feature-reads-back');
    const offered = [0, 1].map((select) => offerIn(session, check, select));
    const select = (value: number): void => {
      told(check, session.pci.write('driverFeatureSelect', value), 'driver_feature_select');
    };
    for (const part of [(bits: number) => bits, (bits: number) => (bits & 0x5555_5555) >>> 0]) {
      const written = offered.map(part);
      for (const [window, bits] of written.entries()) {
        select(window);
        told(check, session.pci.write('driverFeature', bits), 'driver_feature');
      }
      for (const window of [1, 0, 1]) {
        select(window);
        const read = field(session, check, 'driverFeature') & (offered[window] ?? 0);
        check.equal(hex(read >>> 0), hex(written[window] ?? 0), `window ${window} of driver_feature`);
      }
    }
  },
});

export const neededFeatures = defineCase({
  id: 'virtio-pci/features/features-ok-is-cleared-without-what-the-device-needs',
  title: 'FEATURES_OK does not stay for a set that lacks a bit without which the device cannot serve',
  proves: { 'features/unacceptable-subset-refused': 'pci-any-features-are-ok' },
  applies: {
    ...applies,
    start: 'closed',
    when: [{ holds: ({ requiredFeatures }) => requiredFeatures.length > 0, missing: 'a device that needs a feature' }],
  },
  run(context) {
    const { port, refusal } = context;
    const check = context.requirement('features/unacceptable-subset-refused');
    const needed: readonly FeatureName[] = ['VIRTIO_F_VERSION_1', ...port.facts.requiredFeatures];
    const word = (names: readonly FeatureName[]): bigint =>
      names.reduce((bits, name) => bits | (1n << BigInt(featureByName(name).bit)), 0n);
    const attempt = (session: VirtioPciSession, bits: bigint): Attempt => {
      for (const window of [0, 1]) {
        told(check, session.pci.write('driverFeatureSelect', window), 'driver_feature_select');
        told(check, session.pci.write('driverFeature', windowOf(bits, window)), 'driver_feature');
      }
      session.pci.write('deviceStatus', field(session, check, 'deviceStatus') | FEATURES_OK);
      const isAccepted = (field(session, check, 'deviceStatus') & FEATURES_OK) !== 0;
      return { kind: 'shown', isAccepted, how: isAccepted ? 'FEATURES_OK stays set' : 'FEATURES_OK is cleared' };
    };
    const points = port.facts.requiredFeatures.map((name) => ({ key: `without ${name}`, name }));
    context.points(points, ({ key, name }) => {
      const tried = refusal<VirtioPciSession>({
        open: () => context.connect('prepared'),
        flawed: (session) => attempt(session, word(needed.filter((one) => one !== name))),
        control: (session) => attempt(session, word(needed)),
        controlName: 'FEATURES_OK with all that it needs',
      });
      check.refused(tried, `a set ${key}`);
    });
  },
});
