import { addon, checked } from './addon.ts';

/**
 * A socket for the frames of an interface: `packetReceive` gives those that come in, writes send, and each has a
 * virtio_net_hdr of 10 bytes ahead. Nonblocking. @throws SystemCallError, EPERM without CAP_NET_RAW.
 */
export const packetSocket = (interfaceIndex: number): number =>
  checked(addon.packetSocket(interfaceIndex), 'socket', 'AF_PACKET');

/** The bytes of the next frame, as it was sent; 0 where there is none. @throws SystemCallError. */
export const packetReceive = (fd: number, buffer: Uint8Array): number =>
  checked(addon.packetReceive(fd, buffer), 'recvmsg', 'AF_PACKET');
