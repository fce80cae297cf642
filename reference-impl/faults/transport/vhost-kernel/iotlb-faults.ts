import { VHOST_IOTLB_MSG, VHOST_IOTLB_MSG_V2 } from '../../../wire/vdpa-structures.ts';
import { vhostNetFault } from './vhost-net-fault.ts';

const farAway = 1n << 40n;

/** Messages of the IOTLB. */
export const vhostNetIotlbFaults = {
  'vhost-net-misses-are-silent': vhostNetFault(
    'vk-iotlb/miss-readable-and-update-continues',
    'a translation that is missing is not told of',
    'miss',
    { tells: false },
  ),
  'vhost-net-misses-are-of-other-addresses': vhostNetFault(
    'vk-iotlb/miss-readable-and-update-continues',
    'a message tells of an address that is not the one that is missing',
    'miss',
    { addressOf: (ioVirtualAddress) => ioVirtualAddress + farAway },
  ),
  'vhost-net-updates-continue-nothing': vhostNetFault(
    'vk-iotlb/miss-readable-and-update-continues',
    'a ring that waited for a translation rests behind it until it is kicked',
    'miss',
    { continues: false },
  ),
  'vhost-net-messages-are-of-version-1': vhostNetFault(
    'vk-iotlb/message-version-is-as-accepted',
    'messages are of version 1 whatever was accepted',
    'miss',
    { typeOf: () => VHOST_IOTLB_MSG },
  ),
  'vhost-net-messages-are-of-version-2': vhostNetFault(
    'vk-iotlb/message-version-is-as-accepted',
    'messages are of version 2 whatever was accepted',
    'miss',
    { typeOf: () => VHOST_IOTLB_MSG_V2 },
  ),
  'vhost-net-reaches-invalidated-memory': vhostNetFault(
    'vk-iotlb/unmapped-memory-is-not-reached',
    'memory is reached that was invalidated',
    'iotlb',
    { reachesUnmapped: true },
  ),
  'vhost-net-writes-read-only-memory': vhostNetFault(
    'vk-iotlb/permission-is-kept',
    'memory that is mapped for reading is written',
    'iotlb',
    { permissionOf: () => 'read-write' },
  ),
} as const;
