import type { PciStructure, VirtioPciSession } from '../../drivers/port/port.ts';
import type { RequirementSlug } from '../../reference-impl/catalogue/catalogue.ts';
import {
  type CommonConfigField,
  VIRTIO_PCI_CAP_SIZE,
  virtioPciCap,
  virtioPciCapabilities,
  virtioPciCapExtra,
} from '../../reference-impl/wire/virtio-pci.ts';
import { defineCase } from '../case.ts';
import type { Check } from '../check.ts';
import { ofType, told } from './function.ts';

/** The list of capabilities, and the structures that it shows (virtio 4.1.4). */

const types = virtioPciCapabilities;
const connected = { start: 'connected', transports: ['virtio-pci'], ring: 'none' } as const;

/** Types of structures in the list as it is now. */
function typesIn({ pci }: VirtioPciSession, check: Check): number[] {
  const list = pci.capabilities();
  check.holds(list.brokenBy === undefined, 'the list of capabilities', {
    expected: 'it ends with a pointer of 0',
    actual: list.brokenBy ?? '',
  });
  return list.all
    .filter(({ id }) => id === 0x09)
    .map(({ at }) => told(check, pci.readConfigSpace(at + virtioPciCap.type, 1), `cfg_type at 0x${at.toString(16)}`));
}

const demanded = {
  'pci/common-config-exists': ['the common configuration', types.VIRTIO_PCI_CAP_COMMON_CFG],
  'pci/notification-capability-exists': ['where queues are notified', types.VIRTIO_PCI_CAP_NOTIFY_CFG],
  'pci/isr-capability-exists': ['the ISR status', types.VIRTIO_PCI_CAP_ISR_CFG],
  'pci/config-access-capability-exists': ['the access by configuration space', types.VIRTIO_PCI_CAP_PCI_CFG],
} as const satisfies Partial<Record<RequirementSlug, readonly [string, number]>>;

export const structuresAreShown = defineCase({
  id: 'virtio-pci/capabilities/structures-are-shown',
  title: 'the list has a capability for each structure that every device has, before and while the device runs',
  proves: {
    'pci/common-config-exists': 'pci-common-structure-leaves',
    'pci/notification-capability-exists': 'pci-notify-structure-leaves',
    'pci/isr-capability-exists': 'pci-isr-structure-leaves',
    'pci/config-access-capability-exists': 'pci-window-leaves',
  },
  applies: { start: 'negotiated', transports: ['virtio-pci'] },
  run({ session, driver, ring, requirement }) {
    const look = (when: string): void => {
      for (const [slug, [what, type]] of Object.entries(demanded)) {
        const check = requirement(slug as keyof typeof demanded);
        check.holds(typesIn(session, check).includes(type), `capabilities ${when}`, {
          expected: `one that shows ${what}`,
          actual: 'none',
        });
      }
    };
    look('behind FEATURES_OK');
    driver.attach(ring({ size: 16 }));
    session.run();
    look('while the device runs');
  },
});

export const deviceStructureIsShown = defineCase({
  id: 'virtio-pci/capabilities/device-structure-is-shown',
  title: 'the list of a type that has configuration has a capability for it, before and while the device runs',
  proves: { 'pci/device-config-capability-exists': 'pci-device-structure-leaves' },
  applies: { start: 'negotiated', transports: ['virtio-pci'], devices: ['block', 'net'] },
  run({ session, driver, ring, requirement }) {
    const check = requirement('pci/device-config-capability-exists');
    const look = (when: string): void => {
      check.holds(typesIn(session, check).includes(types.VIRTIO_PCI_CAP_DEVICE_CFG), `capabilities ${when}`, {
        expected: 'one that shows the device-specific configuration',
        actual: 'none',
      });
    };
    look('behind FEATURES_OK');
    driver.attach(ring({ size: 16 }));
    session.run();
    look('while the device runs');
  },
});

const at = ({ at: place }: PciStructure): string => `at 0x${place.toString(16)}`;

function isAligned(check: Check, structures: readonly PciStructure[], to: number): void {
  check.presumes(structures.length > 0, 'a capability shows such a structure');
  for (const one of structures) check.equal(one.offset % to, 0, `offset ${one.offset}, modulo ${to}, ${at(one)}`);
}

export const commonIsAligned = defineCase({
  id: 'virtio-pci/capabilities/common-structure-is-aligned',
  title: 'each common configuration begins at a multiple of 4',
  proves: { 'pci/common-config-aligned': 'pci-common-structure-misaligned' },
  applies: connected,
  run({ session, requirement }) {
    isAligned(requirement('pci/common-config-aligned'), ofType(session, types.VIRTIO_PCI_CAP_COMMON_CFG), 4);
  },
});

export const deviceIsAligned = defineCase({
  id: 'virtio-pci/capabilities/device-structure-is-aligned',
  title: 'each device-specific configuration begins at a multiple of 4',
  proves: { 'pci/device-config-aligned': 'pci-device-structure-misaligned' },
  applies: { ...connected, devices: ['block', 'net'] },
  run({ session, requirement }) {
    isAligned(requirement('pci/device-config-aligned'), ofType(session, types.VIRTIO_PCI_CAP_DEVICE_CFG), 4);
  },
});

export const lengthsCoverExtraData = defineCase({
  id: 'virtio-pci/capabilities/length-covers-extra-data',
  title: 'cap_len of each structure reaches to the end of what its type has behind the common fields',
  proves: { 'pci/cap-len-covers-extra-data': 'pci-cap-len-without-multiplier' },
  applies: connected,
  run({ session, requirement }) {
    const check = requirement('pci/cap-len-covers-extra-data');
    const known = session.pci.structures().filter(({ type }) => type >= 1 && type <= 8);
    check.presumes(known.length > 0, 'there are capabilities of structures');
    for (const one of known) {
      const least = VIRTIO_PCI_CAP_SIZE + (virtioPciCapExtra[one.type] ?? 0);
      check.atLeast(one.capabilityLength, least, `cap_len of type ${one.type} ${at(one)}`);
    }
  },
});

const vendorData = { ...connected, needs: ['vendor-data'] } as const;
const VENDOR_ID = 4;

export const vendorOfData = defineCase({
  id: 'virtio-pci/capabilities/vendor-of-data-is-another',
  title: 'vendor data are of another vendor than 0x1af4, and their capability is a multiple of 4 bytes long',
  proves: {
    'pci/vendor-id-differs-from-virtio': 'pci-vendor-data-of-virtio',
    'pci/vendor-capability-size-multiple-of-four': 'pci-vendor-data-of-odd-size',
  },
  applies: vendorData,
  run({ session, requirement }) {
    const ofVendor = requirement('pci/vendor-id-differs-from-virtio');
    const ofSize = requirement('pci/vendor-capability-size-multiple-of-four');
    const all = ofType(session, types.VIRTIO_PCI_CAP_VENDOR_CFG);
    for (const check of [ofVendor, ofSize]) check.presumes(all.length > 0, 'a capability has vendor data');
    for (const one of all) {
      const id = told(ofVendor, session.pci.readConfigSpace(one.at + VENDOR_ID, 2), 'vendor_id');
      ofVendor.notEqual(id, 0x1af4, `vendor_id ${at(one)}`);
      ofSize.equal(one.capabilityLength % 4, 0, `cap_len ${one.capabilityLength}, modulo 4, ${at(one)}`);
    }
  },
});

const watched = ['deviceStatus', 'numQueues', 'queueSelect'] as const satisfies readonly CommonConfigField[];
/** What the driver alone changes of the access by configuration space. */
const ofWindow = [virtioPciCap.bar, virtioPciCap.offset, virtioPciCap.structureLength];

export const vendorReads = defineCase({
  id: 'virtio-pci/capabilities/reads-of-vendor-data-change-nothing',
  title:
    'reads of vendor data change nothing of the common configuration, nor where the window of configuration space looks',
  proves: { 'pci/vendor-data-reads-without-side-effects': 'pci-vendor-data-count-reads' },
  applies: vendorData,
  run({ session, requirement }) {
    const check = requirement('pci/vendor-data-reads-without-side-effects');
    const { pci } = session;
    const vendorData = ofType(session, types.VIRTIO_PCI_CAP_VENDOR_CFG);
    check.presumes(vendorData.length > 0, 'a capability has vendor data');
    // Vendor data may change by themselves: what is looked at is what else there is.
    const read = (): void => {
      for (const { at, capabilityLength } of vendorData)
        for (let n = 0; n < capabilityLength; n++) told(check, pci.readConfigSpace(at + n, 1), 'vendor data');
    };
    const windows = ofType(session, types.VIRTIO_PCI_CAP_PCI_CFG);
    const shown = (): string =>
      [
        ...watched.map((name) => pci.read(name)),
        ...windows.flatMap(({ at }) => ofWindow.map((field) => pci.readConfigSpace(at + field, 4))),
      ].join(' ');
    const before = shown();
    for (const time of ['first', 'second', 'third']) {
      read();
      check.equal(shown(), before, `common configuration and window behind the ${time} read`);
    }
  },
});
