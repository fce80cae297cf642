import { defineCase } from '../case.ts';
import { resultOf } from './channel-door.ts';
import { configRegion, msixCapability, numberAt } from './config-space.ts';
import { regionInfoOf } from './device-calls.ts';

/** What stands in configuration space of layout L1, and what of it a user may change (docs/VHOST-MDEV.md). */

const transports = ['vhost-mdev'] as const;
const needs = ['layout-l1'] as const;
const applies = { start: 'connected', transports, needs, ring: 'none' } as const;

const SUBCLASS = 0x0a;
const VIRTIO_VENDOR = 0x1af4;
const MSIX_ENTRY_SIZE = 16;

export const classTells = defineCase({
  id: 'vhost-mdev/config-space/class-tells-device-type',
  title: 'class and subclass of layout L1 are 0200 of net and 0180 of block; vendor and subsystem vendor are virtio',
  proves: { 'vm-identity/config-space-class': 'mdev-config-space-without-class' },
  applies: { ...applies, devices: ['net', 'block'] },
  run({ session, port, requirement }) {
    const check = requirement('vm-identity/config-space-class');
    const expected = port.facts.workload.kind === 'net' ? 0x0200 : 0x0180;
    check.equal(numberAt(session, SUBCLASS, 2), expected, 'class and subclass');
    check.equal(numberAt(session, 0x00, 2), VIRTIO_VENDOR, 'vendor id');
    check.equal(numberAt(session, 0x2c, 2), VIRTIO_VENDOR, 'subsystem vendor id');
  },
});

export const msixLies = defineCase({
  id: 'vhost-mdev/config-space/msix-lies-in-bar2',
  title: 'MSI-X of layout L1 has its table at the start of BAR2 and its pending bits behind the table, in the region',
  proves: { 'vm-identity/msix-lies-in-bar2': 'mdev-msix-pending-in-table' },
  applies,
  run({ session, requirement }) {
    const check = requirement('vm-identity/msix-lies-in-bar2');
    const at = msixCapability(session);
    if (at === undefined) {
      check.holds(false, 'the list of capabilities', { expected: 'MSI-X', actual: 'none' });
      return;
    }
    const vectors = (numberAt(session, at + 2, 2) & 0x7ff) + 1;
    const size = Number(regionInfoOf(session, 2).size);
    check.equal(numberAt(session, at + 4, 4), 2, 'BAR of the table, and its offset');
    const pending = numberAt(session, at + 8, 4);
    check.equal(pending & 7, 2, 'BAR of the pending bits');
    check.atLeast(pending - (pending & 7), vectors * MSIX_ENTRY_SIZE, 'offset of the pending bits');
    check.atLeast(size, pending - (pending & 7) + Math.ceil(vectors / 64) * 8, 'bytes of BAR2');
  },
});

export const fieldsWritten = defineCase({
  id: 'vhost-mdev/config-space/fields-that-can-be-written',
  title: 'of command, cache line, latency, interrupt line and MSI-X control of layout L1 the bits of a user are stored',
  proves: { 'vm-identity/config-space-writable-fields': 'mdev-interrupt-line-read-only' },
  applies,
  run({ session, requirement }) {
    const check = requirement('vm-identity/config-space-writable-fields');
    const msix = msixCapability(session) ?? 0;
    // The bits that are stored of all ones: no device of ours decodes I/O ports, and vectors cannot be changed.
    for (const [name, at, bits, length] of [
      ['command', 0x04, 0x0406, 2],
      ['cache line size', 0x0c, 0xff, 1],
      ['latency timer', 0x0d, 0xff, 1],
      ['header type', 0x0e, 0, 1],
      ['interrupt line', 0x3c, 0xff, 1],
      ['interrupt pin', 0x3d, 0, 1],
      ['control of MSI-X', msix + 2, 0xc000, 2],
    ] as const) {
      const before = numberAt(session, at, length);
      for (const [value, expected] of [
        [0xffff, (before & ~bits) | bits],
        [0, before & ~bits],
      ] as const) {
        const bytes = Uint8Array.of(value & 0xff, value >> 8).subarray(0, length);
        check.equal(resultOf(session.vfio.write(configRegion, at, bytes)), `${length} bytes`, `a write of ${name}`);
        check.equal(numberAt(session, at, length), expected, `${name} after a write of 0x${value.toString(16)}`);
      }
    }
  },
});

export const tableStores = defineCase({
  id: 'vhost-mdev/regions/msix-table-stores',
  title: 'the MSI-X table of layout L1 reads as it was written, and as zero after a reset',
  proves: { 'vm-regions/msix-table-stores': 'mdev-msix-table-reads-from-its-start' },
  applies,
  run({ session, requirement }) {
    const check = requirement('vm-regions/msix-table-stores');
    const entries = [0, 1].map((entry) => Uint8Array.from({ length: MSIX_ENTRY_SIZE }, (_, n) => 16 * entry + n + 1));
    const readAt = (entry: number): number[] => {
      const bytes = new Uint8Array(MSIX_ENTRY_SIZE);
      const came = session.vfio.read(2, entry * MSIX_ENTRY_SIZE, bytes);
      check.equal(resultOf(came), `${MSIX_ENTRY_SIZE} bytes`, `a read of entry ${entry}`);
      return [...bytes];
    };
    for (const [entry, bytes] of entries.entries()) {
      const came = session.vfio.write(2, entry * MSIX_ENTRY_SIZE, bytes);
      check.equal(resultOf(came), `${MSIX_ENTRY_SIZE} bytes`, `a write of entry ${entry}`);
    }
    for (const [entry, bytes] of entries.entries()) check.sameSequence(readAt(entry), [...bytes], `entry ${entry}`);
    check.equal(session.vfio.reset(), 0, 'VFIO_DEVICE_RESET');
    check.sameSequence(readAt(1), new Array<number>(MSIX_ENTRY_SIZE).fill(0), 'entry 1 after a reset');
  },
});
