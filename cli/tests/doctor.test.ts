import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import type { FoundUse } from '../../drivers/pci/function-uses.ts';
import { hostFiles } from '../../drivers/pci/host-files.ts';
import { checksOfFunction, checksOfVdpaFile, checksOfVfio, type Finding } from '../doctor/checks.ts';
import type { DoctorHost } from '../doctor/doctor-host.ts';

const address = '0000:65:00.2';
const device = `/sys/bus/pci/devices/${address}`;

interface Changes {
  readonly files?: Readonly<Record<string, string>>;
  readonly without?: readonly string[];
  readonly driver?: string;
  readonly closed?: readonly string[];
  readonly uses?: readonly FoundUse[];
  readonly commands?: readonly string[];
}

/** A host that has all it needs, but for the changes. */
function host(root: string, changes: Changes = {}): DoctorHost {
  const files: Record<string, string> = {
    '/sys/kernel/iommu_groups/7/type': 'DMA-FQ',
    '/sys/module/vfio_pci/refcnt': '0',
    '/sys/module/vhost_vdpa/refcnt': '0',
    '/lib/modules/9.9/modules.builtin': 'kernel/drivers/vfio/vfio_iommu_type1.ko\n',
    '/proc/self/limits': 'Max locked memory         8388608              8388608              bytes\n',
    '/dev/vfio/vfio': '',
    '/dev/vfio/7': '',
    '/dev/vhost-vdpa-0': '',
    [`${device}/vendor`]: '0x1af4\n',
    ...changes.files,
  };
  for (const [path, text] of Object.entries(files)) {
    if (changes.without?.some((gone) => path.startsWith(gone))) continue;
    mkdirSync(join(root, dirname(path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  if (changes.without?.includes(device) !== true) {
    symlinkSync(join(root, '/sys/kernel/iommu_groups/7'), join(root, `${device}/iommu_group`));
    mkdirSync(join(root, `/sys/bus/pci/drivers/${changes.driver ?? 'vfio-pci'}`), { recursive: true });
    symlinkSync(join(root, `/sys/bus/pci/drivers/${changes.driver ?? 'vfio-pci'}`), join(root, `${device}/driver`));
  }
  return {
    files: hostFiles(root),
    release: '9.9',
    isAccessible: (path) => changes.closed?.includes(path) !== true,
    hasCommand: (name) => (changes.commands ?? ['vdpa']).includes(name),
    usesOf: () => changes.uses ?? [],
  };
}

/** What is missing, with what mends it. */
const missing = (findings: readonly Finding[]): string[] =>
  findings.filter(({ isWell }) => !isWell).map(({ what, remedy }) => `${what}: ${remedy}`);

t.test('nothing is missing', async (t) => {
  const well = host(t.testdir());
  t.same(missing(checksOfFunction(well, address)), []);
  t.same(missing(checksOfVdpaFile(well, '/dev/vhost-vdpa-0')), []);
  t.ok(checksOfVfio(well).length >= 5);
});

const found: readonly [string, Changes, RegExp][] = [
  ['no IOMMU', { without: ['/sys/kernel/iommu_groups'] }, /^no IOMMU is on: .*intel_iommu=on/],
  ['no module', { without: ['/sys/module/vfio_pci'] }, /^the module vfio_pci is not loaded: modprobe vfio_pci$/],
  ['no VFIO', { without: ['/dev/vfio/vfio'] }, /^there is no \/dev\/vfio\/vfio: modprobe vfio$/],
  [
    'no permission',
    { closed: ['/dev/vfio/7'] },
    /^\/dev\/vfio\/7 cannot be opened by this user: sudo chown "\$USER" \/dev\/vfio\/7$/,
  ],
  [
    'another driver',
    { driver: 'virtio-pci' },
    /^0000:65:00\.2 is bound to virtio-pci: driverctl set-override .*--yes 0000:65:00\.2$/,
  ],
  ['another vendor', { files: { [`${device}/vendor`]: '0x8086' } }, /has vendor id 0x8086, and is no virtio function/],
  [
    'little memory',
    { files: { '/proc/self/limits': 'Max locked memory         65536                65536                bytes\n' } },
    /^65536 bytes of memory can be locked, and 4 MiB are needed: ulimit -l unlimited$/,
  ],
  [
    'a shared group',
    { uses: [{ use: 'shared-group', detail: '0000:65:00.1' }] },
    /^other devices are in its IOMMU group: 0000:65:00\.1: use a slot/,
  ],
];

for (const [what, changes, expected] of found) {
  t.test(`what is missing is told: ${what}`, async (t) => {
    const said = missing(checksOfFunction(host(t.testdir(), changes), address));
    t.equal(said.length, 1, said.join(' | '));
    t.match(said[0], expected);
  });
}

t.test('a function and a file that are not there', async (t) => {
  const bare = host(t.testdir(), { without: [device, '/dev/vhost-vdpa-0', '/sys/module/vhost_vdpa'], commands: [] });
  t.same(missing(checksOfFunction(bare, address)), [`there is no function ${address}: lspci -D`]);
  t.match(missing(checksOfVdpaFile(bare, '/dev/vhost-vdpa-0')), [
    'the module vhost_vdpa is not loaded: modprobe vhost_vdpa',
    'vdpa is not there: sudo apt-get install --no-install-recommends iproute2',
    /^there is no \/dev\/vhost-vdpa-0: vdpa mgmtdev show; vdpa dev add/,
  ]);
});
