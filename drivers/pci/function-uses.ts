import { networkInterfaces } from 'node:os';
import { pciDirectory } from '../vfio/vfio-subject.ts';
import { type FunctionParts, partsOf, withUppers } from './function-parts.ts';
import { isHeldDisk } from './held-disk.ts';
import { type HostFiles, hostFiles } from './host-files.ts';

/** Why a function of a host in use is not taken from it. The names are words of the command line. */
export const functionUses = {
  'default-route': 'the default route goes through it',
  login: 'the login of this session comes through it',
  mounted: 'a file system on it is mounted',
  swap: 'it holds swap space',
  'held-disk': 'a disk on it is held',
  'virtual-functions': 'it has virtual functions',
  'shared-group': 'other devices are in its IOMMU group',
  'no-iommu': 'no IOMMU keeps it from memory',
} as const;
export type FunctionUse = keyof typeof functionUses;

export interface FoundUse {
  readonly use: FunctionUse;
  /** What is used, in words. */
  readonly detail: string;
}

/** What of the host is not in files. */
export interface HostFacts {
  readonly files: HostFiles;
  /** Addresses of interfaces. */
  addresses(): Readonly<Record<string, readonly string[]>>;
  /** Whether a block device is open for a user of its own. */
  isHeld(block: string): boolean;
}

export const thisHost: HostFacts = {
  files: hostFiles(),
  addresses: () =>
    Object.fromEntries(
      Object.entries(networkInterfaces()).map(([name, all = []]) => [name, all.map(({ address }) => address)]),
    ),
  isHeld: isHeldDisk,
};

/** All that speaks against taking a function from its host. */
export function usesOf(address: string, host: HostFacts = thisHost): FoundUse[] {
  const directory = pciDirectory(address);
  const parts = partsOf(directory, host.files);
  return [
    ...ofInterfaces(parts, host),
    ...mounted(directory, parts, host.files),
    ...ofDisks(parts, host),
    ...ofFunction(directory, address, host.files),
  ];
}

function ofInterfaces({ interfaces }: FunctionParts, { files, addresses }: HostFacts): FoundUse[] {
  const routed = defaultInterfaces(files);
  const login = loginAddress(files);
  const found: FoundUse[] = [];
  for (const name of interfaces) {
    const stack = withUppers(name, files);
    const route = stack.find((one) => routed.has(one));
    if (route !== undefined) found.push({ use: 'default-route', detail: through(route, name) });
    const known = login === undefined ? {} : addresses();
    const entry = stack.find((one) => login !== undefined && known[one]?.includes(login) === true);
    if (entry !== undefined) found.push({ use: 'login', detail: `${through(entry, name)}, to ${login}` });
  }
  return found;
}

const through = (upper: string, name: string): string => (upper === name ? name : `${upper} over ${name}`);

/** Interfaces of default routes of either version. */
function defaultInterfaces(files: HostFiles): Set<string> {
  const lines = (path: string): string[][] =>
    (files.text(path) ?? '').split('\n').map((line) => line.trim().split(/\s+/));
  const nowhere = '0'.repeat(32);
  const four = lines('/proc/net/route').filter(([, to, , , , , , mask]) => to === '00000000' && mask === '00000000');
  const six = lines('/proc/net/ipv6_route').filter(
    ([to, prefix, , , gateway]) => to === nowhere && prefix === '00' && gateway !== nowhere,
  );
  return new Set([...four.map(([name = '']) => name), ...six.map((words) => words.at(-1) ?? '')]);
}

/** The address of this host that the session was opened to: sshd tells it to what it starts, and sudo drops it. */
function loginAddress(files: HostFiles): string | undefined {
  const seen = new Set<string>();
  for (let pid = 'self'; pid !== '0' && !seen.has(pid); ) {
    seen.add(pid);
    const told = files
      .text(`/proc/${pid}/environ`)
      ?.split('\0')
      .find((entry) => entry.startsWith('SSH_CONNECTION='));
    const address = told?.split('=')[1]?.split(' ')[2];
    if (address !== undefined) return address;
    pid = /^PPid:\s*(\d+)$/m.exec(files.text(`/proc/${pid}/status`) ?? '')?.[1] ?? '0';
  }
  return undefined;
}

interface Mount {
  readonly device: string;
  readonly type: string;
  readonly source: string;
  readonly at: string;
}

function mountsOf(files: HostFiles): Mount[] {
  return (files.text('/proc/self/mountinfo') ?? '').split('\n').flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const [, , device = '', , at = ''] = before.split(' ');
    const [type = '', source = ''] = after.split(' ');
    return device === '' ? [] : [{ device, type, source, at }];
  });
}

function mounted(directory: string, { blocks }: FunctionParts, files: HostFiles): FoundUse[] {
  const mounts = mountsOf(files);
  const found = blocks.flatMap((name): FoundUse[] => {
    const device = files.text(`/sys/class/block/${name}/dev`);
    const mount = mounts.find((one) => one.device === device || files.real(one.source) === `/dev/${name}`);
    return mount === undefined ? [] : [{ use: 'mounted', detail: `${name} at ${mount.at}` }];
  });
  const tags = files
    .names(directory)
    .filter((name) => name.startsWith('virtio'))
    .map((name) => files.text(`${directory}/${name}/mount_tag`)?.replaceAll('\0', ''));
  const shared = mounts.find(({ type, source }) => type === '9p' && tags.includes(source));
  return shared === undefined ? found : [...found, { use: 'mounted', detail: `${shared.source} at ${shared.at}` }];
}

function ofDisks({ blocks }: FunctionParts, { files, isHeld }: HostFacts): FoundUse[] {
  const swaps = (files.text('/proc/swaps') ?? '').split('\n').map((line) => files.real(line.split(/\s+/)[0] ?? ''));
  return blocks.flatMap((name): FoundUse[] => {
    if (swaps.includes(`/dev/${name}`)) return [{ use: 'swap', detail: name }];
    const holders = files.names(`/sys/class/block/${name}/holders`);
    if (holders.length > 0) return [{ use: 'held-disk', detail: `${name} by ${holders.join(', ')}` }];
    return isHeld(name) ? [{ use: 'held-disk', detail: `${name} is open for one user alone` }] : [];
  });
}

const bridgeClass = /^0x0604/;

function ofFunction(directory: string, address: string, files: HostFiles): FoundUse[] {
  const found: FoundUse[] = [];
  const virtual = Number(files.text(`${directory}/sriov_numvfs`) ?? 0);
  if (virtual > 0) found.push({ use: 'virtual-functions', detail: `${virtual} of them` });
  const group = `${directory}/iommu_group`;
  const others = files
    .names(`${group}/devices`)
    .filter((name) => name !== address && !bridgeClass.test(files.text(`${group}/devices/${name}/class`) ?? ''));
  if (others.length > 0) found.push({ use: 'shared-group', detail: others.join(', ') });
  const isFake = files.text(`${group}/name`) === 'vfio-noiommu';
  if (files.real(group) === undefined || isFake) {
    found.push({ use: 'no-iommu', detail: isFake ? 'its group is one of noiommu' : 'it has no IOMMU group' });
  }
  return found;
}
