import { addon, checked } from './addon.ts';

/**
 * A socket for the frames of an interface: reads give those that come in, writes send, and each has a virtio_net_hdr of 10
 * bytes ahead. Nonblocking. @throws SystemCallError, EPERM without CAP_NET_RAW.
 */
export const packetSocket = (interfaceIndex: number): number =>
  checked(addon.packetSocket(interfaceIndex), 'socket', 'AF_PACKET');
