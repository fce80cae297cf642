/**
 * How a driver reaches a device. `vhost-kernel` is the vhost ioctl interface of the kernel (/dev/vhost-net and its
 * siblings) without the requests that only vDPA devices have; those with them are `vhost-vdpa`.
 */
export const transports = ['vhost-user', 'vhost-kernel', 'vhost-vdpa', 'virtio-pci', 'vhost-mdev'] as const;
export type Transport = (typeof transports)[number];
