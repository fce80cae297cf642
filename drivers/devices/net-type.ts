import { z } from 'zod';
import { type DeviceType, deviceType, implementedByAll } from './device-type.ts';
import { NetDriver } from './net-driver.ts';
import { ipv4Address, type NetWorkload, netReturns, netWorkload } from './net-workload.ts';

/** Frames of a device that we know nothing of are taken not to come back. */
const external: NetWorkload = {
  kind: 'net',
  queueIndex: 1,
  companions: [0],
  receiveIndex: 0,
  returns: 'none',
  reflects: 'unchanged',
};

export const netType: DeviceType = deviceType({
  name: 'net',
  deviceId: 1,
  workload: netWorkload,
  answers: {
    pairs: z.coerce.number().int().min(1).max(64).optional(),
    returns: z.enum(netReturns).optional(),
    address: ipv4Address.optional(),
    reflects: z.enum(['unchanged', 'macs-swapped']).optional(),
  },
  external,
  ofReference: { ...external, pairs: 2, returns: 'same-port' },
  implemented: [
    ...implementedByAll,
    'VIRTIO_NET_F_CSUM',
    'VIRTIO_NET_F_GUEST_CSUM',
    'VIRTIO_NET_F_MTU',
    'VIRTIO_NET_F_MAC',
    'VIRTIO_NET_F_GUEST_TSO4',
    'VIRTIO_NET_F_GUEST_TSO6',
    'VIRTIO_NET_F_GUEST_ECN',
    'VIRTIO_NET_F_GUEST_UFO',
    'VIRTIO_NET_F_GUEST_USO4',
    'VIRTIO_NET_F_GUEST_USO6',
    'VIRTIO_NET_F_HOST_TSO4',
    'VIRTIO_NET_F_HOST_TSO6',
    'VIRTIO_NET_F_HOST_ECN',
    'VIRTIO_NET_F_HOST_UFO',
    'VIRTIO_NET_F_HOST_USO',
    'VIRTIO_NET_F_MRG_RXBUF',
    'VIRTIO_NET_F_STATUS',
    'VIRTIO_NET_F_SPEED_DUPLEX',
  ],
  open: (binding) => new NetDriver(binding),
});
