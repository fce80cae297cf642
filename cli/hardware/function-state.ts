import { networkInterfaces } from 'node:os';
import { driverOf } from '../../drivers/pci/binding.ts';
import { partsOf } from '../../drivers/pci/function-parts.ts';
import { type HostFiles, hostFiles } from '../../drivers/pci/host-files.ts';
import { pciDirectory } from '../../drivers/vfio/vfio-subject.ts';

const none = '-';
const noOverride = '(null)';
const upFlag = 1;

/** How a function is found, as the words that fixtures/hardware/give-back.sh takes behind its directory. */
export function stateWords(address: string, files: HostFiles = hostFiles()): string[] {
  const directory = pciDirectory(address);
  const override = files.text(`${directory}/driver_override`) ?? noOverride;
  return [
    address,
    driverOf(address) ?? none,
    override === noOverride || override === '' ? none : override,
    ...partsOf(directory, files).interfaces.flatMap((name) => interfaceWords(name, files)),
  ];
}

function interfaceWords(name: string, files: HostFiles): string[] {
  const isUp = (Number(files.text(`/sys/class/net/${name}/flags`) ?? 0) & upFlag) !== 0;
  // The kernel gives link-local addresses again by itself.
  const addresses = (networkInterfaces()[name] ?? []).flatMap(({ cidr }) =>
    cidr === null || cidr.startsWith('fe80') ? [] : [cidr],
  );
  const mtu = files.text(`/sys/class/net/${name}/mtu`) ?? '1500';
  return [name, isUp ? '1' : '0', mtu, addresses.length === 0 ? none : addresses.join(',')];
}
