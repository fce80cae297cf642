import type { DeviceLayoutName, IoctlObservation, RegionAccessObservation } from './event.ts';

/** What an event is, in the column of kinds. */
export const eventKind = { message: 0, notification: 1, ringWrite: 2, other: 3, regionAccess: 4, ioctl: 5 } as const;

/** A place in each of these lists is the number that stands for the name in a column. */
export const channels = ['front-end', 'back-end'] as const;
export const directions = ['to-iut', 'from-iut'] as const;
export const notifications = ['kick', 'call', 'err', 'log'] as const;
export const ringWrites = [
  'descriptor',
  'available',
  'available-idx',
  'available-flags',
  'used-event',
  'used-seen',
] as const;

export const accesses = [
  'read',
  'write',
  'map',
  'store',
] as const satisfies readonly RegionAccessObservation['access'][];
export const ioctlPlaces = ['device', 'container', 'group'] as const satisfies readonly IoctlObservation['on'][];
export const deviceLayouts = [
  'unknown',
  'mdev-l1',
  'mdev-l2',
  'vhost-vdpa',
  'virtio-pci',
] as const satisfies readonly DeviceLayoutName[];

/** Numbers of how a region is accessed, for `EventLog.beginRegionAccess`. */
export const regionAccessNumber = { read: 0, write: 1, map: 2, store: 3 } as const satisfies Record<
  RegionAccessObservation['access'],
  number
>;

/** Numbers of what a call is made on, for `EventLog.beginIoctl`. */
export const ioctlPlaceNumber = { device: 0, container: 1, group: 2 } as const satisfies Record<
  IoctlObservation['on'],
  number
>;

export const deviceLayoutNumber = {
  unknown: 0,
  'mdev-l1': 1,
  'mdev-l2': 2,
  'vhost-vdpa': 3,
  'virtio-pci': 4,
} as const satisfies Record<DeviceLayoutName, number>;

export type RingWriteName = (typeof ringWrites)[number];

/** Numbers of what a ring write is, for `EventLog.ringWrite`. */
export const ringWriteNumber = {
  descriptor: 0,
  available: 1,
  'available-idx': 2,
  'available-flags': 3,
  'used-event': 4,
  'used-seen': 5,
} as const satisfies Record<RingWriteName, number>;
