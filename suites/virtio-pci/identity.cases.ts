import { deviceTypes } from '../../drivers/devices/device-types.ts';
import type { VirtioPciSession } from '../../drivers/port/port.ts';
import {
  pciHeader,
  transitionalDeviceIds,
  VIRTIO_PCI_FIRST_DEVICE_ID,
  VIRTIO_PCI_LAST_DEVICE_ID,
  VIRTIO_PCI_VENDOR_ID,
} from '../../reference-impl/wire/virtio-pci.ts';
import { defineCase } from '../case.ts';
import type { Check } from '../check.ts';
import { told } from './function.ts';

/** What the configuration header says of a function (virtio 4.1.2). */

const applies = { start: 'connected', transports: ['virtio-pci'], ring: 'none' } as const;

const header = ({ pci }: VirtioPciSession, check: Check, name: keyof typeof pciHeader, width: 1 | 2): number =>
  told(check, pci.readConfigSpace(pciHeader[name], width), name);

const hex = (value: number): string => `0x${value.toString(16)}`;

export const vendor = defineCase({
  id: 'virtio-pci/identity/vendor-id-is-that-of-virtio',
  title: 'the vendor id is 0x1af4',
  proves: { 'pci/vendor-id': 'pci-vendor-of-its-own' },
  applies,
  run({ session, requirement }) {
    const check = requirement('pci/vendor-id');
    check.equal(hex(header(session, check, 'vendorId', 2)), hex(VIRTIO_PCI_VENDOR_ID), 'the vendor id');
  },
});

export const deviceId = defineCase({
  id: 'virtio-pci/identity/device-id-is-that-of-the-type',
  title: 'the device id is 0x1040 and the virtio device id, or the transitional one of the type',
  proves: { 'pci/device-id': 'pci-device-id-is-virtio-device-id' },
  applies: { ...applies, devices: ['block', 'net', 'entropy'] },
  run({ session, port, requirement }) {
    const check = requirement('pci/device-id');
    const type = deviceTypes.find(({ name }) => name === port.facts.device)?.deviceId ?? 0;
    const allowed = [VIRTIO_PCI_FIRST_DEVICE_ID + type, transitionalDeviceIds[type] ?? 0];
    check.oneOf(hex(header(session, check, 'deviceId', 2)), allowed.map(hex), 'the device id');
  },
});

export const nonTransitional = defineCase({
  id: 'virtio-pci/identity/what-a-legacy-driver-does-not-match',
  title:
    'a device that is not transitional has a device id of its own range, revision 1 or more, subsystem id 0x40 or more',
  proves: {
    'pci/non-transitional-device-id-range': 'pci-transitional-id-of-modern-device',
    'pci/non-transitional-revision': 'pci-revision-zero',
    'pci/non-transitional-subsystem-id': 'pci-subsystem-id-is-device-type',
  },
  applies,
  run({ session, requirement }) {
    const ofRange = requirement('pci/non-transitional-device-id-range');
    const ofRevision = requirement('pci/non-transitional-revision');
    const ofSubsystem = requirement('pci/non-transitional-subsystem-id');
    const id = header(session, ofRange, 'deviceId', 2);
    const revision = header(session, ofRevision, 'revisionId', 1);
    const subsystem = header(session, ofSubsystem, 'subsystemId', 2);
    // A transitional device has all three otherwise: revision 0, its type for the subsystem id, and an id below the range.
    const isTransitional = id < VIRTIO_PCI_FIRST_DEVICE_ID && revision === 0;
    for (const check of [ofRange, ofRevision, ofSubsystem]) check.presumes(!isTransitional, 'it is not transitional');
    ofRange.holds(id <= VIRTIO_PCI_LAST_DEVICE_ID && id >= VIRTIO_PCI_FIRST_DEVICE_ID, 'the device id', {
      expected: '0x1040 to 0x107f',
      actual: hex(id),
    });
    ofRevision.atLeast(revision, 1, 'the revision');
    ofSubsystem.atLeast(subsystem, 0x40, 'the subsystem id');
  },
});
