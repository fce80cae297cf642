import assert from 'node:assert/strict';
import t from 'tap';
import { virtioBlkPci } from '../../fixtures/targets/virtio-pci.ts';
import { ioVirtualAddress } from '../../reference-impl/memory/addresses.ts';
import { defaultGuestLayout } from '../../reference-impl/memory/guest-layout.ts';
import { IutGoneError } from '../errors.ts';
import { KernelVfio } from '../vfio/kernel-vfio.ts';
import { pciAddressOf, pciSubject } from '../vfio/vfio-subject.ts';
import { FunctionIut } from '../virtio-pci/function-iut.ts';
import { PciPort } from '../virtio-pci/pci-port.ts';
import { ScriptedVfioKernel, scriptedFunction } from './scripted-vfio-kernel.ts';
import { throwsUsage } from './thrown-errors.ts';

const directory = `/sys/bus/pci/devices/${scriptedFunction}`;

/** What the kernel tells of an IOMMU: one capability of another kind, then the ranges. */
function iommuInfo(ranges: readonly (readonly [bigint, bigint])[], flags = 3): Uint8Array {
  const bytes = new Uint8Array(48 + 16 * ranges.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(4, flags, true);
  view.setUint32(16, 24, true);
  view.setUint16(24, 2, true);
  view.setUint32(28, 32, true);
  view.setUint16(32, 1, true);
  view.setUint32(40, ranges.length, true);
  for (const [n, [first, last]] of ranges.entries()) {
    view.setBigUint64(48 + 16 * n, first, true);
    view.setBigUint64(56 + 16 * n, last, true);
  }
  return bytes;
}

function carrierOf(kernel: ScriptedVfioKernel): KernelVfio {
  const carrier = new KernelVfio(pciSubject(scriptedFunction), kernel);
  const answer = carrier.open();
  assert.ok(answer.kind === 'opened', JSON.stringify(answer));
  answer.file.close();
  return carrier;
}

t.test('a function is opened by its address, behind its IOMMU', async (t) => {
  const kernel = new ScriptedVfioKernel();
  kernel.iommuInfo = iommuInfo([
    [0n, 0xfedf_ffffn],
    [0xfef0_0000n, 0xffff_ffff_ffffn],
  ]);
  const carrier = carrierOf(kernel);
  t.ok(kernel.calls.includes(`GET_DEVICE_FD /dev/vfio/7 ${scriptedFunction}\0`));
  t.same(carrier.ioVirtualRanges, [
    { first: 0n, last: 0xfedf_ffffn },
    { first: 0xfef0_0000n, last: 0xffff_ffff_ffffn },
  ]);
  t.same(kernel.held, []);
});

t.test('a kernel that does not tell of ranges', async (t) => {
  const kernel = new ScriptedVfioKernel();
  t.equal(carrierOf(kernel).ioVirtualRanges, undefined, 'the call is unknown');
  kernel.iommuInfo = iommuInfo([], 1);
  t.equal(carrierOf(kernel).ioVirtualRanges, undefined, 'there are no capabilities');
  const endless = iommuInfo([]);
  endless[32] = 9;
  new DataView(endless.buffer).setUint32(36, 24, true);
  kernel.iommuInfo = endless;
  t.equal(carrierOf(kernel).ioVirtualRanges, undefined, 'a list that goes round');
});

t.test('memory lies in the widest range of the IOMMU', async (t) => {
  const kernel = new ScriptedVfioKernel();
  kernel.iommuInfo = iommuInfo([
    [0n, 0xfedf_ffffn],
    [0x1_0000_0000n, 0x7f_ffff_ffffn],
  ]);
  const { facts } = virtioBlkPci;
  const port = new PciPort({
    facts: { ...facts, version: 'scripted' },
    carrier: carrierOf(kernel),
    iut: new FunctionIut(scriptedFunction, false),
  });
  const starts = port.createGuest(defaultGuestLayout).regions.map((region) => region.ioVirtualAddress as bigint);
  const [first = 0n, second = 0n] = starts;
  t.ok(first >= 0x1_0000_0000n && second + 0x10_0000n <= 0x80_0000_0000n, starts.join(' '));
  const [a, b] = defaultGuestLayout.regions;
  t.equal(ioVirtualAddress(second - first), ioVirtualAddress(b?.ioVirtualAddress ?? 0n) - (a?.ioVirtualAddress ?? 0n));
  port.releaseAll();
  port.close();
});

const refusals: readonly [string, (kernel: ScriptedVfioKernel) => void, RegExp][] = [
  ['no function', (kernel) => kernel.missing.add(directory), /^there is no function 0000:65:00\.2 on the PCI bus/],
  [
    'no IOMMU',
    (kernel) => kernel.missing.add(`${directory}/iommu_group`),
    /has no IOMMU group: boot with intel_iommu=on/,
  ],
  [
    'another driver',
    (kernel) => (kernel.driver = 'mlx5_core'),
    /^0000:65:00\.2 belongs to mlx5_core; bind it with: driverctl/,
  ],
  ['no driver', (kernel) => kernel.missing.add(`${directory}/driver`), /^0000:65:00\.2 has no driver; bind it with/],
];

for (const [what, breakKernel, why] of refusals) {
  t.test(`refused: ${what}`, async (t) => {
    const kernel = new ScriptedVfioKernel();
    breakKernel(kernel);
    const answer = new KernelVfio(pciSubject(scriptedFunction), kernel).open();
    assert.ok(answer.kind === 'refused');
    t.match(answer.why, why);
    t.notMatch(answer.why, /\n/);
    t.same(kernel.held, []);
  });
}

t.test('addresses on the PCI bus', async (t) => {
  t.equal(pciAddressOf('65:00.2'), scriptedFunction);
  t.equal(pciAddressOf('0000:65:1F.2'), '0000:65:1f.2');
  for (const text of ['', '65:00', '65:00.8', '65:20.0', '../65:00.2', '0000:65:00.2/x', 'eth0']) {
    throwsUsage(t, () => pciAddressOf(text), text);
  }
});

t.test('a function that is not there is neither alive nor reset', async (t) => {
  const iut = new FunctionIut('ffff:ff:1f.7', true);
  t.equal(iut.isAlive(), false);
  t.throws(() => iut.reset(), IutGoneError);
  t.ok((iut.resources()?.descriptors ?? -1) >= 0);
  t.equal(new FunctionIut('ffff:ff:1f.7', false).resources(), undefined, 'others hold events as well');
  throwsUsage(t, () => iut.restart(), 'restart');
});
