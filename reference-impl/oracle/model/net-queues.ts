import { roleOfQueue, VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_MQ, VIRTIO_NET_F_RSS } from '../../devices/net-layout.ts';

/**
 * Whether commands go to this queue (virtio 5.1.2): without further pairs it is the third one. Which one it is with them,
 * only a device says.
 * @param features accepted ones.
 */
export const isControlQueue = (index: number, features: bigint): boolean =>
  (features & VIRTIO_NET_F_CTRL_VQ) !== 0n &&
  (features & (VIRTIO_NET_F_MQ | VIRTIO_NET_F_RSS)) === 0n &&
  roleOfQueue(index, 1, features) === 'control';
