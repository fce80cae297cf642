import { basename } from 'node:path';
import { functionUses } from '../../drivers/pci/function-uses.ts';
import { pciDirectory } from '../../drivers/vfio/vfio-subject.ts';
import { VIRTIO_PCI_VENDOR_ID } from '../../reference-impl/wire/virtio-pci.ts';
import type { DoctorHost } from './doctor-host.ts';

/** What a check found. */
export interface Finding {
  readonly what: string;
  readonly isWell: boolean;
  /** What mends it: a command, or where none can, words. */
  readonly remedy?: string;
}

const well = (what: string): Finding => ({ what, isWell: true });
const missing = (what: string, remedy: string): Finding => ({ what, isWell: false, remedy });

function module({ files, release }: DoctorHost, name: string): Finding {
  const builtIn = files.text(`/lib/modules/${release}/modules.builtin`) ?? '';
  return files.real(`/sys/module/${name}`) === undefined &&
    !builtIn.includes(`/${name.replaceAll('_', '-')}.ko`) &&
    !builtIn.includes(`/${name}.ko`)
    ? missing(`the module ${name} is not loaded`, `modprobe ${name}`)
    : well(`the module ${name} is loaded`);
}

/** A device file: there, and ours to open. */
function file(host: DoctorHost, path: string, absent: string): Finding {
  if (host.files.real(path) === undefined) return missing(`there is no ${path}`, absent);
  if (host.isAccessible(path)) return well(`${path} can be opened`);
  return missing(`${path} cannot be opened by this user`, `sudo chown "$USER" ${path}`);
}

function command(host: DoctorHost, name: string, aptPackage: string): Finding {
  if (host.hasCommand(name)) return well(`${name} is there`);
  return missing(`${name} is not there`, `sudo apt-get install --no-install-recommends ${aptPackage}`);
}

/** The largest memory of a case, twice. */
const leastLockedBytes = 4 * 2 ** 20;

/** What a device reaches by itself stays in memory, up to a limit of the process. */
function lockedMemory({ files }: DoctorHost): Finding {
  const limit = /^Max locked memory\s+(\S+)/m.exec(files.text('/proc/self/limits') ?? '')?.[1] ?? 'unlimited';
  const isEnough = limit === 'unlimited' || Number(limit) >= leastLockedBytes;
  return isEnough
    ? well(`memory can be locked (${limit})`)
    : missing(`${limit} bytes of memory can be locked, and 4 MiB are needed`, 'ulimit -l unlimited');
}

function iommu({ files }: DoctorHost): Finding {
  if (files.names('/sys/kernel/iommu_groups').length > 0) return well('an IOMMU is on');
  return missing(
    'no IOMMU is on',
    "enable VT-d or AMD-Vi in the firmware; on Intel also: sudo sed -i 's/^GRUB_CMDLINE_LINUX=\"/&intel_iommu=on iommu=pt /' /etc/default/grub && sudo update-grub && sudo reboot",
  );
}

export const checksOfVfio = (host: DoctorHost): Finding[] => [
  iommu(host),
  module(host, 'vfio_pci'),
  module(host, 'vfio_iommu_type1'),
  file(host, '/dev/vfio/vfio', 'modprobe vfio'),
  lockedMemory(host),
];

export const checksOfVdpa = (host: DoctorHost): Finding[] => [
  module(host, 'vhost_vdpa'),
  command(host, 'vdpa', 'iproute2'),
  lockedMemory(host),
];

export const checksOfGuest = (host: DoctorHost): Finding[] => [
  command(host, 'qemu-system-x86_64', 'qemu-system-x86'),
  command(host, 'setpriv', 'util-linux'),
];

/** A virtio function by its address. */
export function checksOfFunction(host: DoctorHost, address: string): Finding[] {
  const { files } = host;
  const directory = pciDirectory(address);
  if (files.real(directory) === undefined) return [missing(`there is no function ${address}`, 'lspci -D')];
  const vendor = files.text(`${directory}/vendor`) ?? '';
  const group = files.real(`${directory}/iommu_group`);
  const driver = files.real(`${directory}/driver`);
  const name = driver === undefined ? undefined : basename(driver);
  const isBound = name === 'vfio-pci';
  return [
    Number(vendor) === VIRTIO_PCI_VENDOR_ID
      ? well(`${address} is a virtio function`)
      : missing(`${address} has vendor id ${vendor}, and is no virtio function`, 'lspci -Dd 1af4:'),
    ...checksOfVfio(host),
    ...host
      .usesOf(address)
      .map(({ use, detail }) => missing(`${functionUses[use]}: ${detail}`, remedyOfUse[use](address))),
    isBound
      ? well(`${address} is bound to vfio-pci`)
      : missing(
          `${address} is bound to ${name ?? 'no driver'}`,
          `driverctl set-override ${address} vfio-pci, or have the run do it: --yes ${address}`,
        ),
    ...(group === undefined || !isBound
      ? []
      : [file(host, `/dev/vfio/${basename(group)}`, `driverctl set-override ${address} vfio-pci`)]),
  ];
}

const remedyOfUse: Readonly<Record<keyof typeof functionUses, (address: string) => string>> = {
  'default-route': () => 'name a function that the host does not need; ip route show default tells which it needs',
  login: () => 'log in by another interface, or at the console',
  mounted: () => 'umount it',
  swap: () => 'swapoff it',
  'held-disk': () => 'lsblk tells what stands on it: take that apart',
  'virtual-functions': (address) => `echo 0 | sudo tee ${pciDirectory(address)}/sriov_numvfs, or name one of them`,
  'shared-group': () => 'use a slot of its own, or a virtual function',
  'no-iommu': () => 'enable VT-d or AMD-Vi in the firmware; on Intel also boot with intel_iommu=on',
};

/** A device file of vhost-vdpa. */
export const checksOfVdpaFile = (host: DoctorHost, path: string): Finding[] => [
  ...checksOfVdpa(host),
  file(host, path, 'vdpa mgmtdev show; vdpa dev add name vc0 mgmtdev MGMTDEV'),
];
