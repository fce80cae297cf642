import { roleOfQueue, VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_MQ, VIRTIO_NET_F_RSS } from '../../devices/net-layout.ts';

/** Whether a session may have more pairs of queues than one (virtio 5.1.2). @param features accepted ones. */
export const hasPairs = (features: bigint): boolean => (features & (VIRTIO_NET_F_MQ | VIRTIO_NET_F_RSS)) !== 0n;

/**
 * Whether commands go to this queue (virtio 5.1.2): without further pairs it is the third one, and with them the one behind
 * them all.
 * @param features accepted ones.
 * @param pairs those that the device has, where that is known.
 */
export const isControlQueue = (index: number, features: bigint, pairs: number | undefined): boolean =>
  (features & VIRTIO_NET_F_CTRL_VQ) !== 0n &&
  (!hasPairs(features) || pairs !== undefined) &&
  roleOfQueue(index, pairs ?? 1, features) === 'control';
