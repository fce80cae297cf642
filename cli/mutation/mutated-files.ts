import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Folders of the device side: rings, devices, and the transports that show them. */
const folders = [
  'virtqueue',
  'devices',
  'vhost-user',
  'vhost-mdev',
  'vhost-kernel',
  'vhost-vdpa',
  'vhost-net',
  'virtio-pci',
] as const;

/**
 * Files in those folders that are not, or not alone, the device's. A mutant of what driver and device share changes both
 * sides alike, so that no case can see it: wire vectors and unit tests hold those.
 */
const notTheDevices: ReadonlySet<string> = new Set([
  // The driver side.
  'virtqueue/driver-ring',
  'virtqueue/split/driver-ring',
  'virtqueue/packed/driver-ring',
  'virtqueue/split/guest-ring',
  'virtqueue/packed/guest-ring',
  'virtqueue/open-driver-ring',
  'virtqueue/indirect-tables',
  'virtqueue/ring-placement',
  // What both sides read.
  'virtqueue/ring-memory',
  'virtqueue/split/ring-memory',
  'virtqueue/packed/ring-memory',
  'virtqueue/split/layout',
  'virtqueue/packed/layout',
  'virtqueue/packed/event',
  'virtqueue/event-idx',
  'virtqueue/feature-bits',
  'virtqueue/ring',
  'virtqueue/segment',
  'devices/block-layout',
  'devices/net-layout',
  'devices/crypto-layout',
  'vhost-mdev/mdev-layout',
  'vhost-user/back-end-edge',
  // Mistakes of 2019, which are known and no device that should be right: a test compares their verdicts.
  'vhost-mdev/faithful-rules',
  'vhost-mdev/mdev-rule-tables',
  // What the kernel's VFIO does in front of a function.
  'virtio-pci/vfio-pci-calls',
  'virtio-pci/vfio-pci-device',
  'virtio-pci/vfio-pci-interrupts',
  // Which devices there are, by name.
  'devices/reference-devices',
  // What answers frames for targets without a loopback: the reference that is tried has one.
  'devices/arp',
  'devices/net-peers',
  // Frames that cases send and compare with.
  'devices/rarp',
  // Names for messages of the log.
  'vhost-mdev/region-names',
]);

/** The files that are mutated, below the folder of built code, in a stable order. */
export function mutatedFiles(dist: string): string[] {
  return folders
    .flatMap((folder) => filesBelow(join(dist, 'reference-impl', folder), folder))
    .filter((file) => !notTheDevices.has(file.replace(/\.js$/, '')))
    .map((file) => `reference-impl/${file}`)
    .sort();
}

function filesBelow(directory: string, name: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    if (entry.isDirectory()) return filesBelow(join(directory, entry.name), `${name}/${entry.name}`);
    return entry.name.endsWith('.js') ? [`${name}/${entry.name}`] : [];
  });
}
