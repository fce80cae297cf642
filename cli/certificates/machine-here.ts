import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { arch, cpus, hostname, release, version } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { MachineFacts, PciFunction } from '../../certificates/environment.ts';
import type { Target } from '../../drivers/target.ts';

const pciBus = '/sys/bus/pci/devices';
const dmi = '/sys/class/dmi/id';
const dmiFields = ['sys_vendor', 'product_name', 'product_serial', 'bios_vendor', 'bios_version', 'bios_date'];

/** The machine as it is now. @param pciIds vendor:device of functions that are told wherever they lie. */
export function machineHere(targets: readonly Target[], pciIds: readonly string[]): MachineFacts {
  const [cpu] = cpus();
  return {
    node: process.version,
    kernel: { release: release(), version: version() },
    machine: {
      architecture: arch(),
      cpu: cpu?.model ?? 'not told',
      cpus: cpus().length,
      hostName: hostname(),
      dmi: Object.fromEntries(
        dmiFields.flatMap((name) => {
          const value = readable(join(dmi, name));
          return value === undefined ? [] : [[name, value]];
        }),
      ),
    },
    pci: functionsOf(targets, pciIds),
  };
}

function functionsOf(targets: readonly Target[], pciIds: readonly string[]): PciFunction[] {
  const below = new Set(targets.flatMap((target) => addressBelow(target) ?? []));
  return addresses()
    .flatMap((address) => functionAt(address) ?? [])
    .filter((one) => below.has(one.address) || pciIds.includes(`${one.vendor}:${one.device}`));
}

function addresses(): string[] {
  try {
    return readdirSync(pciBus).sort();
  } catch {
    return [];
  }
}

function functionAt(address: string): PciFunction | undefined {
  const field = (name: string): string => (readable(join(pciBus, address, name)) ?? '').replace(/^0x/, '');
  if (field('vendor') === '') return undefined;
  const driver = linked(join(pciBus, address, 'driver'));
  return {
    address,
    vendor: field('vendor'),
    device: field('device'),
    subsystemVendor: field('subsystem_vendor'),
    subsystemDevice: field('subsystem_device'),
    revision: field('revision'),
    ...(driver === undefined ? {} : { driver: basename(driver) }),
  };
}

/** Of a device file or a mediated device, the PCI function that it lies on. */
function addressBelow({ reach }: Target): string | undefined {
  if (reach.via === 'vhost-vdpa' && 'device' in reach)
    return functionAbove(`/sys/class/vhost-vdpa/${basename(reach.device)}`);
  if (reach.via === 'mdev' && 'uuid' in reach) return functionAbove(`/sys/bus/mdev/devices/${reach.uuid}`);
  return undefined;
}

/** The nearest PCI function above a device of sysfs. */
function functionAbove(path: string): string | undefined {
  const real = linked(path);
  for (let at = real ?? '/'; at !== '/'; at = dirname(at)) {
    if (/^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/.test(basename(at))) return basename(at);
  }
  return undefined;
}

function linked(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

function readable(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}
