import {
  VFIO_DEVICE_FLAGS_PCI,
  VFIO_DEVICE_FLAGS_RESET,
  VFIO_DEVICE_FLAGS_VHOST,
  vfioDeviceInfo,
  vfioPci,
} from '../../reference-impl/wire/vfio-structures.ts';
import { defineCase } from '../case.ts';
import { resultOf } from './channel-door.ts';
import { deviceInfoOf, sizesFrom } from './device-calls.ts';
import { refusesCall } from './refusal.ts';

/** VFIO_DEVICE_GET_INFO: what a device says that it is. */

const transports = ['vhost-mdev'] as const;
const sizes = sizesFrom(vfioDeviceInfo.size);

export const l1IsPci = defineCase({
  id: 'vhost-mdev/identity/l1-is-a-pci-device',
  title: 'a device of layout L1 has the flag of PCI, whatever room its caller has',
  proves: { 'vm-identity/l1-is-a-pci-device': 'mdev-without-flag-of-pci' },
  applies: { start: 'connected', transports, needs: ['layout-l1'], ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vm-identity/l1-is-a-pci-device');
    for (const argsz of sizes) {
      const flags = deviceInfoOf(session, argsz).flags & VFIO_DEVICE_FLAGS_PCI;
      check.equal(flags, VFIO_DEVICE_FLAGS_PCI, `the flag of PCI, asked with argsz ${argsz}`);
    }
  },
});

export const l2IsVhost = defineCase({
  id: 'vhost-mdev/identity/l2-has-the-vhost-flag',
  title: 'a device of layout L2 has the flag of its own device API, whatever room its caller has',
  proves: { 'vm-identity/l2-has-the-vhost-flag': 'mdev-without-flag-of-vhost' },
  applies: { start: 'connected', transports, needs: ['layout-l2'], ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vm-identity/l2-has-the-vhost-flag');
    for (const argsz of sizes) {
      const flags = deviceInfoOf(session, argsz).flags & VFIO_DEVICE_FLAGS_VHOST;
      check.equal(flags, VFIO_DEVICE_FLAGS_VHOST, `the flag of vhost, asked with argsz ${argsz}`);
    }
  },
});

export const announcesReset = defineCase({
  id: 'vhost-mdev/identity/reset-is-announced',
  title: 'device flags say that the device can be reset, and it can',
  proves: { 'vm-identity/reset-is-announced': 'mdev-without-flag-of-reset' },
  applies: { start: 'connected', transports, ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vm-identity/reset-is-announced');
    const { flags } = deviceInfoOf(session);
    check.equal(flags & VFIO_DEVICE_FLAGS_RESET, VFIO_DEVICE_FLAGS_RESET, 'the flag of RESET');
  },
});

export const noOtherFlags = defineCase({
  id: 'vhost-mdev/identity/no-other-flags',
  title: 'device flags are those of RESET and of the layout',
  proves: { 'vm-identity/no-other-flags': 'mdev-with-flags-of-others' },
  applies: { start: 'connected', transports, ring: 'none' },
  run({ session, requirement }) {
    const { name } = session.places;
    const own = VFIO_DEVICE_FLAGS_RESET | (name === 'l1' ? VFIO_DEVICE_FLAGS_PCI : VFIO_DEVICE_FLAGS_VHOST);
    const { flags } = deviceInfoOf(session);
    requirement('vm-identity/no-other-flags').equal(flags & ~own, 0, `flags besides 0x${own.toString(16)}`);
  },
});

export const l2Regions = defineCase({
  id: 'vhost-mdev/identity/l2-has-two-regions',
  title: 'layout L2 counts the two regions that it has',
  proves: { 'vm-identity/l2-has-two-regions': 'mdev-counts-a-region-more' },
  applies: { start: 'connected', transports, needs: ['layout-l2'], ring: 'none' },
  run({ session, requirement }) {
    requirement('vm-identity/l2-has-two-regions').equal(deviceInfoOf(session).numRegions, 2, 'regions counted');
  },
});

export const l2Interrupts = defineCase({
  id: 'vhost-mdev/identity/l2-has-one-interrupt-index',
  title: 'layout L2 counts the one interrupt index that it has',
  proves: { 'vm-identity/l2-has-one-interrupt-index': 'mdev-counts-an-interrupt-more' },
  applies: { start: 'connected', transports, needs: ['layout-l2'], ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vm-identity/l2-has-one-interrupt-index');
    check.equal(deviceInfoOf(session).numIrqs, 1, 'interrupt indices counted');
  },
});

export const l1Regions = defineCase({
  id: 'vhost-mdev/identity/l1-counts-pci-regions',
  title: 'layout L1 counts the regions of a VFIO PCI device up to configuration space',
  proves: { 'vm-identity/l1-counts-pci-regions': 'mdev-counts-no-config-space' },
  applies: { start: 'connected', transports, needs: ['layout-l1'], ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vm-identity/l1-counts-pci-regions');
    check.atLeast(deviceInfoOf(session).numRegions, vfioPci.CONFIG_REGION_INDEX + 1, 'regions counted');
  },
});

export const l1Interrupts = defineCase({
  id: 'vhost-mdev/identity/l1-counts-msix-index',
  title: 'layout L1 counts the interrupt indices of a VFIO PCI device up to MSI-X',
  proves: { 'vm-identity/l1-counts-msix-index': 'mdev-counts-no-msix' },
  applies: { start: 'connected', transports, needs: ['layout-l1'], ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vm-identity/l1-counts-msix-index');
    check.atLeast(deviceInfoOf(session).numIrqs, vfioPci.MSIX_IRQ_INDEX + 1, 'interrupt indices counted');
  },
});

export const shortArgsz = defineCase({
  id: 'vhost-mdev/identity/short-argsz-is-refused',
  title: 'a caller of device information that has no room for it is refused',
  proves: { 'vm-identity/short-argsz-refused': 'mdev-info-short-argsz-taken' },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const check = context.requirement('vm-identity/short-argsz-refused');
    for (const argsz of [0, 1, 4, 8, 12, 15]) {
      refusesCall(context, check, {
        what: `device information with argsz ${argsz}`,
        open: () => context.connect('connected'),
        flawed: (session) => deviceInfoOf(session, argsz).resultOf,
        control: (session) => deviceInfoOf(session).resultOf,
        controlName: 'argsz 16',
      });
    }
  },
});

export const longArgsz = defineCase({
  id: 'vhost-mdev/identity/long-argsz-is-taken',
  title: 'a caller of device information that has room for more is answered the same',
  proves: { 'vm-identity/long-argsz-taken': 'mdev-info-long-argsz-refused' },
  applies: { start: 'connected', transports, ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vm-identity/long-argsz-taken');
    const { numRegions, numIrqs } = deviceInfoOf(session);
    for (const argsz of [17, 20, 24, 64]) {
      const seen = deviceInfoOf(session, argsz);
      if (!check.equal(seen.resultOf, '0 bytes', `device information with argsz ${argsz}`)) continue;
      check.equal(seen.numRegions, numRegions, `regions counted with argsz ${argsz}`);
      check.equal(seen.numIrqs, numIrqs, `interrupt indices counted with argsz ${argsz}`);
    }
  },
});

export const unknownCall = defineCase({
  id: 'vhost-mdev/identity/unknown-call-is-refused',
  title: 'calls that the device does not know fail with ENOTTY, those of vhost itself among them',
  proves: { 'vm-identity/unknown-call-refused': ['mdev-unknown-call-succeeds', 'mdev-unknown-call-is-invalid'] },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const check = context.requirement('vm-identity/unknown-call-refused');
    const calls = { 'VFIO, far behind its own': 0x3bf0, VHOST_SET_OWNER: 0xaf01, VHOST_SET_VRING_NUM: 0x4008_af10 };
    for (const [name, request] of Object.entries(calls)) {
      refusesCall(context, check, {
        what: `a call of ${name}`,
        errors: ['ENOTTY'],
        open: () => context.connect('connected'),
        flawed: (session) => resultOf(session.vfio.file.ioctl(request, new Uint8Array(64))),
        control: (session) => deviceInfoOf(session).resultOf,
        controlName: 'VFIO_DEVICE_GET_INFO',
      });
    }
  },
});
