import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { closeFd, openFile } from '../native/native.ts';
import { type FoundUse, functionUses, type HostFacts, usesOf } from '../pci/function-uses.ts';
import { isHeldDisk } from '../pci/held-disk.ts';
import { hostFiles } from '../pci/host-files.ts';

const address = '0000:65:00.0';
const device = `/sys/devices/pci0000:64/${address}`;

/** A host with one function, an interface and a disk with a partition on it; nothing of it is used. */
class Host {
  readonly root: string;
  held: string[] = [];
  known: Record<string, string[]> = {};

  constructor(root: string) {
    this.root = root;
    this.write(`${device}/sriov_numvfs`, '0\n');
    this.link(`/sys/bus/pci/devices/${address}`, device);
    this.directory(`/sys/kernel/iommu_groups/9/devices`);
    this.link(`/sys/kernel/iommu_groups/9/devices/${address}`, device);
    this.link(`${device}/iommu_group`, '/sys/kernel/iommu_groups/9');
    this.directory(`${device}/virtio3/net/eth3`);
    this.link('/sys/class/net/eth3', `${device}/virtio3/net/eth3`);
    this.directory('/sys/devices/virtual/net/bond0');
    this.link('/sys/class/net/bond0', '/sys/devices/virtual/net/bond0');
    for (const [name, number] of [
      ['vda', '254:0'],
      ['vda/vda1', '254:1'],
    ] as const) {
      const path = `${device}/virtio4/block/${name}`;
      this.directory(`${path}/holders`);
      this.write(`${path}/dev`, `${number}\n`);
      this.link(`/sys/class/block/${name.split('/').at(-1)}`, path);
      this.write(`/dev/${name.split('/').at(-1)}`, '');
    }
    this.write('/proc/net/route', 'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\n');
  }

  directory(path: string): void {
    mkdirSync(join(this.root, path), { recursive: true });
  }

  write(path: string, text: string): void {
    this.directory(dirname(path));
    writeFileSync(join(this.root, path), text);
  }

  link(path: string, to: string): void {
    this.directory(dirname(path));
    symlinkSync(join(this.root, to), join(this.root, path));
  }

  uses(): FoundUse[] {
    const facts: HostFacts = {
      files: hostFiles(this.root),
      addresses: () => this.known,
      isHeld: (name) => this.held.includes(name),
    };
    return usesOf(address, facts);
  }
}

const route = (name: string): string => `Iface\tDestination\n${name}\t00000000\t0102000A\t0003\t0\t0\t0\t00000000\t0\n`;
const mount = (device: string, type: string, source: string, at: string): string =>
  `22 1 8:1 / / rw - ext4 /dev/sda1 rw\n30 22 ${device} / ${at} rw,relatime shared:1 - ${type} ${source} rw\n`;
const login = 'HOME=/root\0SSH_CONNECTION=10.0.0.9 1022 10.0.0.7 22\0';

const found: readonly [string, (host: Host) => void, readonly FoundUse[]][] = [
  ['nothing', () => undefined, []],
  [
    'a default route',
    (host) => host.write('/proc/net/route', route('eth3')),
    [{ use: 'default-route', detail: 'eth3' }],
  ],
  ['a default route elsewhere', (host) => host.write('/proc/net/route', route('eth4')), []],
  [
    'a default route over a bond',
    (host) => {
      host.write('/proc/net/route', route('bond0'));
      host.link(`${device}/virtio3/net/eth3/upper_bond0`, '/sys/devices/virtual/net/bond0');
    },
    [{ use: 'default-route', detail: 'bond0 over eth3' }],
  ],
  [
    'a default route of version 6',
    (host) => {
      const zero = '0'.repeat(32);
      const line = `${zero} 00 ${zero} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth3`;
      const none = `${zero} 00 ${zero} 00 ${zero} ffffffff 00000001 00000000 00200200       lo`;
      host.write('/proc/net/ipv6_route', `${none}\n${line}\n`);
    },
    [{ use: 'default-route', detail: 'eth3' }],
  ],
  [
    'the login, that sudo hides',
    (host) => {
      host.known = { eth3: ['10.0.0.7'] };
      host.write('/proc/self/environ', 'HOME=/root\0');
      host.write('/proc/self/status', 'Name:\tnode\nPPid:\t77\n');
      host.write('/proc/77/environ', login);
    },
    [{ use: 'login', detail: 'eth3, to 10.0.0.7' }],
  ],
  [
    'a login elsewhere',
    (host) => {
      host.known = { eth3: ['10.0.0.8'], eth4: ['10.0.0.7'] };
      host.write('/proc/self/environ', login);
    },
    [],
  ],
  [
    'a mounted partition',
    (host) => host.write('/proc/self/mountinfo', mount('254:1', 'ext4', '/dev/root', '/srv')),
    [{ use: 'mounted', detail: 'vda1 at /srv' }],
  ],
  [
    'a mounted disk of a file system over several',
    (host) => host.write('/proc/self/mountinfo', mount('0:44', 'btrfs', '/dev/vda', '/srv')),
    [{ use: 'mounted', detail: 'vda at /srv' }],
  ],
  [
    'a shared directory',
    (host) => {
      host.write(`${device}/virtio5/mount_tag`, 'home\0');
      host.write('/proc/self/mountinfo', mount('0:44', '9p', 'home', '/home'));
    },
    [{ use: 'mounted', detail: 'home at /home' }],
  ],
  [
    'swap',
    (host) => host.write('/proc/swaps', 'Filename Type Size Used Priority\n/dev/vda1 partition 1020 0 -2\n'),
    [{ use: 'swap', detail: 'vda1' }],
  ],
  [
    'a volume on it',
    (host) => host.directory(`${device}/virtio4/block/vda/vda1/holders/dm-0`),
    [{ use: 'held-disk', detail: 'vda1 by dm-0' }],
  ],
  [
    'a program that has it',
    (host) => (host.held = ['vda']),
    [{ use: 'held-disk', detail: 'vda is open for one user alone' }],
  ],
  [
    'virtual functions',
    (host) => host.write(`${device}/sriov_numvfs`, '4\n'),
    [{ use: 'virtual-functions', detail: '4 of them' }],
  ],
  [
    'a shared group',
    (host) => {
      host.write('/sys/kernel/iommu_groups/9/devices/0000:65:00.1/class', '0x020000\n');
      host.write('/sys/kernel/iommu_groups/9/devices/0000:64:00.0/class', '0x060400\n');
    },
    [{ use: 'shared-group', detail: '0000:65:00.1' }],
  ],
  [
    'noiommu',
    (host) => host.write('/sys/kernel/iommu_groups/9/name', 'vfio-noiommu\n'),
    [{ use: 'no-iommu', detail: 'its group is one of noiommu' }],
  ],
];

for (const [what, change, uses] of found) {
  t.test(`what a function is used for: ${what}`, async (t) => {
    const host = new Host(t.testdir());
    change(host);
    t.same(host.uses(), uses);
  });
}

t.test('a function that is not there has no IOMMU', async (t) => {
  const host = { files: hostFiles(t.testdir()), addresses: () => ({}), isHeld: () => false };
  t.same(usesOf(address, host), [{ use: 'no-iommu', detail: 'it has no IOMMU group' }]);
});

t.test('each use is looked for', async (t) => {
  const named = new Set(found.flatMap(([, , uses]) => uses.map(({ use }) => use)));
  t.same([...named].sort(), Object.keys(functionUses).sort());
});

t.test('a disk that is not there is not held', async (t) => {
  t.equal(isHeldDisk('no-such-disk'), false);
  const fd = openFile('/dev/null');
  t.equal(isHeldDisk('null'), false, 'what is no disk is open for all');
  closeFd(fd);
});
