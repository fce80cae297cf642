import type { AccessWidth, VirtioPciSession } from '../../drivers/port/port.ts';
import {
  type CommonConfigField,
  commonConfig,
  VIRTIO_PCI_CAP_SIZE,
  virtioPciCap,
  virtioPciCapabilities,
} from '../../reference-impl/wire/virtio-pci.ts';
import { defineCase } from '../case.ts';
import type { Check } from '../check.ts';
import { ACKNOWLEDGE, DRIVER } from '../virtio/status/status-bits.ts';
import { field, told } from './function.ts';

/** Access to the BARs by the capability of configuration space (virtio 4.1.4.9). */

const applies = { start: 'prepared', transports: ['virtio-pci'], ring: 'none' } as const;

/** The window onto one field of the common configuration: where its data lie. */
function windowOnto(
  { pci }: VirtioPciSession,
  check: Check,
  name: CommonConfigField,
): { at: number; width: AccessWidth } {
  const { VIRTIO_PCI_CAP_PCI_CFG, VIRTIO_PCI_CAP_COMMON_CFG } = virtioPciCapabilities;
  const window = pci.structures().find(({ type }) => type === VIRTIO_PCI_CAP_PCI_CFG);
  const common = pci.structure(VIRTIO_PCI_CAP_COMMON_CFG);
  check.presumes(
    window !== undefined && common !== undefined,
    'capabilities show a window and the common configuration',
  );
  const { at: capability } = window ?? { at: 0 };
  const { bar, offset } = common ?? { bar: 0, offset: 0 };
  const { at, bytes } = commonConfig[name];
  told(check, pci.writeConfigSpace(capability + virtioPciCap.bar, 1, bar), 'cap.bar');
  told(check, pci.writeConfigSpace(capability + virtioPciCap.structureLength, 4, bytes), 'cap.length');
  told(check, pci.writeConfigSpace(capability + virtioPciCap.offset, 4, offset + at), 'cap.offset');
  return { at: capability + VIRTIO_PCI_CAP_SIZE, width: bytes };
}

/** Fields of each width, and two values of each that are written in turn. */
const written = [
  ['driverFeatureSelect', 1, 0],
  ['deviceFeatureSelect', 1, 0],
  ['queueSelect', 0x107, 0],
  ['deviceStatus', ACKNOWLEDGE | DRIVER, ACKNOWLEDGE | DRIVER],
] as const;

export const windowWrites = defineCase({
  id: 'virtio-pci/window/a-write-is-made-in-the-bar',
  title:
    'a write of 1, 2 or 4 bytes to pci_cfg_data is made in the BAR, at the offset and with the length of the capability, and no other write to that is',
  proves: { 'pci/config-access-writes-bar': ['pci-window-writes-nothing', 'pci-window-writes-one-byte'] },
  applies,
  run({ session, requirement }) {
    const check = requirement('pci/config-access-writes-bar');
    for (const [name, ...values] of written) {
      for (const value of values) {
        const { at, width } = windowOnto(session, check, name);
        told(check, session.pci.writeConfigSpace(at, width, value), 'pci_cfg_data');
        check.equal(field(session, check, name), value, `${name} behind a write of ${value} by the window`);
      }
      session.pci.write(name, values[0]);
      windowOnto(session, check, name);
      check.equal(field(session, check, name), values[0], `${name} behind writes that set up the window`);
    }
    const { pci } = session;
    pci.write('deviceStatus', ACKNOWLEDGE | DRIVER);
    const { at, width } = windowOnto(session, check, 'deviceStatus');
    told(check, pci.writeConfigSpace(at, width, 0), 'pci_cfg_data');
    check.equal(field(session, check, 'deviceStatus'), 0, 'deviceStatus behind a write of 0 by the window');
  },
});

export const windowReads = defineCase({
  id: 'virtio-pci/window/a-read-is-made-in-the-bar',
  title: 'a read of pci_cfg_data gives what the BAR holds, in 1, 2 and 4 bytes, and what it holds later',
  proves: { 'pci/config-access-reads-bar': 'pci-window-reads-nothing' },
  applies,
  run({ session, requirement }) {
    const check = requirement('pci/config-access-reads-bar');
    const { pci } = session;
    const look = (name: CommonConfigField, when: string): void => {
      const { at, width } = windowOnto(session, check, name);
      const read = told(check, pci.readConfigSpace(at, width), 'pci_cfg_data');
      check.equal(read, field(session, check, name), `${name} by the window ${when}`);
    };
    for (const select of [1, 0]) {
      pci.write('deviceFeatureSelect', select);
      pci.write('queueSelect', select);
      for (const name of ['deviceFeatureSelect', 'deviceFeature', 'queueSelect', 'queueSize', 'numQueues'] as const) {
        look(name, `with ${select} selected`);
      }
    }
    look('deviceStatus', 'behind DRIVER');
    // Which BAR is meant is the driver's to say.
    const { at } = windowOnto(session, check, 'deviceStatus');
    const barAt = at - VIRTIO_PCI_CAP_SIZE + virtioPciCap.bar;
    const meant = told(check, pci.readConfigSpace(barAt, 1), 'cap.bar');
    for (const bar of [meant ^ 1, meant]) {
      told(check, pci.writeConfigSpace(barAt, 1, bar), 'cap.bar');
      check.equal(told(check, pci.readConfigSpace(barAt, 1), 'cap.bar'), bar, `cap.bar behind a write of ${bar}`);
    }
    pci.write('deviceStatus', 0);
    look('deviceStatus', 'behind a reset');
  },
});
