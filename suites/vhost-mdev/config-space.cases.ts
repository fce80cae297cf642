import { deviceTypeOf } from '../../drivers/devices/device-types.ts';
import type { VhostMdevSession } from '../../drivers/port/port.ts';
import { vfioPci } from '../../reference-impl/wire/vfio-structures.ts';
import { defineCase } from '../case.ts';
import { resultOf } from './channel-door.ts';
import { configRegion, hasCapabilities, msixCapability, numberAt, write32 } from './config-space.ts';
import { regionInfoOf } from './device-calls.ts';
import { refusesCall } from './refusal.ts';

/** Configuration space of layout L1, of which no text was found: what any PCI device has (docs/VHOST-MDEV.md). */

const transports = ['vhost-mdev'] as const;
const needs = ['layout-l1'] as const;
const VENDOR_ID = 0x00;
const DEVICE_ID = 0x02;
const FIRST_BAR = 0x10;
const SUBSYSTEM_ID = 0x2e;

export const hasIds = defineCase({
  id: 'vhost-mdev/config-space/has-ids',
  title: 'configuration space of layout L1 has a vendor and a device',
  proves: { 'vm-identity/config-space-has-ids': 'mdev-config-space-without-vendor' },
  applies: { start: 'connected', transports, needs, ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vm-identity/config-space-has-ids');
    for (const [name, offset] of [
      ['vendor', VENDOR_ID],
      ['device', DEVICE_ID],
    ] as const) {
      const id = numberAt(session, offset, 2);
      check.holds(id > 0 && id < 0xffff, `${name} id`, { expected: '1 to fffe', actual: id.toString(16) });
    }
  },
});

export const tellsType = defineCase({
  id: 'vhost-mdev/config-space/tells-device-type',
  title: 'the subsystem id of layout L1 is the device id of virtio: 1 of net, 2 of block',
  proves: { 'vm-identity/config-space-tells-device-type': 'mdev-config-space-of-another-type' },
  applies: { start: 'connected', transports, needs, ring: 'none' },
  run({ session, port, requirement }) {
    const check = requirement('vm-identity/config-space-tells-device-type');
    check.equal(numberAt(session, SUBSYSTEM_ID, 2), deviceTypeOf(port.facts.workload.kind).deviceId, 'subsystem id');
  },
});

export const idsReadOnly = defineCase({
  id: 'vhost-mdev/config-space/ids-are-read-only',
  title: 'ids of layout L1 stay as they are when they are written',
  proves: { 'vm-identity/config-space-ids-read-only': 'mdev-config-space-ids-written' },
  applies: { start: 'connected', transports, needs, ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vm-identity/config-space-ids-read-only');
    for (const [name, offset] of [
      ['vendor and device', VENDOR_ID],
      ['revision and class', 0x08],
      ['subsystem', SUBSYSTEM_ID - 2],
    ] as const) {
      const before = numberAt(session, offset, 4);
      write32(session, offset, ~before >>> 0);
      check.equal(numberAt(session, offset, 4), before, `${name} after a write`);
    }
  },
});

export const listsMsix = defineCase({
  id: 'vhost-mdev/config-space/lists-msix',
  title: 'the list of capabilities of layout L1 has MSI-X, with as many vectors as VFIO counts',
  proves: { 'vm-identity/config-space-lists-msix': 'mdev-msix-with-a-vector-more' },
  applies: { start: 'connected', transports, needs, ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vm-identity/config-space-lists-msix');
    if (!check.equal(hasCapabilities(session), true, 'the flag of a list in status')) return;
    const at = msixCapability(session);
    if (!check.holds(at !== undefined, 'the list of capabilities', { expected: 'MSI-X', actual: 'none' })) return;
    const info = session.vfio.irqInfo(vfioPci.MSIX_IRQ_INDEX);
    const counted = typeof info === 'number' ? info : info.count;
    check.equal((numberAt(session, (at ?? 0) + 2, 2) & 0x7ff) + 1, counted, 'vectors of MSI-X');
  },
});

export const barTellsSize = defineCase({
  id: 'vhost-mdev/config-space/bar-tells-its-size',
  title: 'BARs of layout L1 that all ones are written to tell a power of two that their region just fits in',
  proves: { 'vm-identity/bar-tells-its-size': 'mdev-bar-of-another-size' },
  applies: { start: 'connected', transports, needs, ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vm-identity/bar-tells-its-size');
    for (const bar of [0, 1, 2]) {
      const size = Number(regionInfoOf(session, bar).size);
      const at = FIRST_BAR + 4 * bar;
      const before = numberAt(session, at, 4);
      write32(session, at, 0xffff_ffff);
      const told = (~(numberAt(session, at, 4) & 0xffff_fff0) + 1) >>> 0;
      write32(session, at, before);
      check.equal(told, 2 ** Math.ceil(Math.log2(size)), `size that BAR${bar} tells of its ${size} bytes`);
    }
  },
});

export const widthsAgree = defineCase({
  id: 'vhost-mdev/config-space/widths-agree',
  title: 'configuration space of layout L1 reads the same by 1, 2 and 4 bytes',
  proves: { 'vm-identity/config-space-widths-agree': 'mdev-config-space-odd-bytes-shifted' },
  applies: { start: 'connected', transports, needs, ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vm-identity/config-space-widths-agree');
    for (let at = 0; at < 64; at += 4) {
      const whole = numberAt(session, at, 4);
      const halves = [0, 2].map((more) => numberAt(session, at + more, 2));
      const bytes = [0, 1, 2, 3].map((more) => numberAt(session, at + more, 1));
      const parts = [0, 16].map((shift) => (whole >>> shift) & 0xffff);
      check.sameSequence(halves, parts, `halves of the word at ${at}`);
      check.sameSequence(
        bytes,
        [0, 8, 16, 24].map((shift) => (whole >>> shift) & 0xff),
        `bytes of the word at ${at}`,
      );
    }
  },
});

export const endsAccess = defineCase({
  id: 'vhost-mdev/config-space/ends-access',
  title: 'a read across the end of configuration space gives what there is up to there',
  proves: { 'vm-regions/config-space-ends-access': 'mdev-config-space-refuses-across-end' },
  applies: { start: 'connected', transports, needs, ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vm-regions/config-space-ends-access');
    const size = Number(regionInfoOf(session, configRegion).size);
    for (const [from, length] of [
      [size - 4, 8],
      [size - 1, 4],
      [0, size + 16],
    ] as const) {
      const came = resultOf(session.vfio.read(configRegion, from, new Uint8Array(length)));
      check.equal(came, `${size - from} bytes`, `a read of ${length} bytes from ${from} on`);
    }
  },
});

export const endRefused = defineCase({
  id: 'vhost-mdev/config-space/end-is-refused',
  title: 'a read that begins where configuration space ends is refused',
  proves: { 'vm-regions/config-space-end-refused': 'mdev-config-space-end-is-empty' },
  applies: { start: 'closed', transports, needs, ring: 'none' },
  run(context) {
    const check = context.requirement('vm-regions/config-space-end-refused');
    const size = Number(regionInfoOf(context.connect('connected'), configRegion).size);
    const read = ({ vfio }: VhostMdevSession, from: number): string =>
      resultOf(vfio.read(configRegion, from, new Uint8Array(4)));
    for (const from of [size, size + 1, size + 4096]) {
      refusesCall(context, check, {
        what: `a read at ${from}`,
        open: () => context.connect('connected'),
        flawed: (session) => read(session, from),
        control: (session) => read(session, size - 4),
        controlName: 'the last 4 bytes',
      });
    }
  },
});
