import { DriverUsageError } from '../../drivers/errors.ts';
import { pciAddressOf } from '../../drivers/vfio/vfio-subject.ts';
import { targetByName } from '../../fixtures/targets/index.ts';
import { print } from '../terminal.ts';
import { UsageError } from '../usage-error.ts';
import {
  checksOfFunction,
  checksOfGuest,
  checksOfVdpa,
  checksOfVdpaFile,
  checksOfVfio,
  type Finding,
} from './checks.ts';
import type { DoctorHost } from './doctor-host.ts';

interface Road {
  readonly title: string;
  readonly findings: readonly Finding[];
}

/** Prints what is missing and what mends it. 0 where nothing is, 1 otherwise. @throws UsageError */
export function examine(target: string | undefined, host: DoctorHost): 0 | 1 {
  const roads = roadsOf(target, host);
  for (const { title, findings } of roads) {
    print(title);
    for (const { what, isWell, remedy } of findings) {
      print(`  ${isWell ? 'ok     ' : 'missing'}  ${what}`);
      if (remedy !== undefined) print(`           ${remedy}`);
    }
  }
  return roads.every(({ findings }) => findings.every(({ isWell }) => isWell)) ? 0 : 1;
}

function roadsOf(target: string | undefined, host: DoctorHost): Road[] {
  if (target === undefined) {
    return [
      { title: 'PCI functions through VFIO', findings: checksOfVfio(host) },
      { title: 'vhost-vdpa', findings: checksOfVdpa(host) },
      { title: 'the kernel guest', findings: checksOfGuest(host) },
    ];
  }
  const [path = ''] = target.split('?', 1);
  if (path.startsWith('vfio-pci:')) {
    const address = addressIn(path.slice('vfio-pci:'.length), target);
    return [{ title: target, findings: checksOfFunction(host, address) }];
  }
  if (path.startsWith('vhost-vdpa:')) {
    return [{ title: target, findings: checksOfVdpaFile(host, path.slice('vhost-vdpa:'.length)) }];
  }
  const named = targetByName(target);
  if (named === undefined) throw new UsageError(`${target}: no such target; say vfio-pci:ADDRESS or vhost-vdpa:FILE`);
  const { start, packages = [], reach } = named;
  const isOfGuest = reach.via === 'vfio-pci' || reach.via === 'vhost-vdpa' || reach.via === 'mdev';
  if (isOfGuest) return [{ title: `${target}, in the kernel guest`, findings: checksOfGuest(host) }];
  return [{ title: target, findings: start === undefined ? [] : [startOf(start.command, packages, host)] }];
}

function startOf(command: string, packages: readonly string[], host: DoctorHost): Finding {
  if (host.hasCommand(command)) return { what: `${command} is there`, isWell: true };
  const remedy = packages.length === 0 ? 'see docs/TARGETS.md' : `sudo apt-get install ${packages.join(' or ')}`;
  return { what: `${command} is not there`, isWell: false, remedy };
}

function addressIn(text: string, target: string): string {
  try {
    return pciAddressOf(text);
  } catch (error) {
    throw error instanceof DriverUsageError ? new UsageError(`${target}: ${error.message}`) : error;
  }
}
