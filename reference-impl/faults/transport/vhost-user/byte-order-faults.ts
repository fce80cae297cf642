import type { VhostUserFault } from '../../fault.ts';
import { inTable, vhostUserFault } from './vhost-user-fault.ts';

/** Byte orders of legacy drivers. */
export const byteOrderFaults = {
  'big-endian-rings-read-little-endian': vhostUserFault(
    'vu-vring/both-byte-orders-after-set-vring-endian',
    'SET_VRING_ENDIAN is acknowledged, and rings are little-endian whatever it says',
    inTable('vring', { isBigEndian: () => false }),
  ),
  'byte-orders-exchanged': vhostUserFault(
    'vu-vring/both-byte-orders-after-set-vring-endian',
    'SET_VRING_ENDIAN with 0 makes a ring big-endian, and with 1 little-endian',
    inTable('vring', { isBigEndian: (num) => num === 0 }),
  ),
  'big-endian-requests-read-little-endian': vhostUserFault(
    'vu-vring/both-byte-orders-after-set-vring-endian',
    'the fields of block requests on a big-endian ring are read as little-endian',
    (rules) => ({
      ...rules,
      block: { ...rules.block, decodeHeader: (bytes) => rules.block.decodeHeader(bytes) },
    }),
  ),
  'unknown-byte-order-accepted': vhostUserFault(
    'vu-vring/unknown-byte-order-refused',
    'SET_VRING_ENDIAN takes any number',
    inTable('vring', { acceptsByteOrder: () => true }),
  ),
} as const satisfies Record<string, VhostUserFault>;
