import type { VhostUserProtocolFeature } from '../../../wire/vhost-user-constants.ts';
import type { VhostUserFault } from '../../fault.ts';
import { type Change, inTable, vhostUserFault } from './vhost-user-fault.ts';

const otherByteOrder = (uuid: Uint8Array): Uint8Array => {
  const parts = [uuid.subarray(0, 4), uuid.subarray(4, 6), uuid.subarray(6, 8)].map((part) => part.toReversed());
  return Uint8Array.from([...parts.flatMap((part) => [...part]), ...uuid.subarray(8)]);
};

const usedUnnegotiated = (name: VhostUserProtocolFeature): Change =>
  inTable('features', (right) => ({
    isUsable: (feature, isAcknowledged) => feature === name || right.isUsable(feature, isAcknowledged),
  }));

const unused = (name: VhostUserProtocolFeature): Change =>
  inTable('features', (right) => ({
    isUsable: (feature, isAcknowledged) => feature !== name && right.isUsable(feature, isAcknowledged),
  }));

/** Host notifiers, objects that others may use, and memory that a driver is shown. */
export const sharingFaults = {
  'host-notifier-of-two-pages': vhostUserFault(
    'vu-backend-req/host-notifier-page-sized',
    'a host notifier is told to have two pages',
    inTable('hostNotifier', { told: ({ index, size }) => ({ index, size: 2 * size }) }),
  ),
  'host-notifier-without-page': vhostUserFault(
    'vu-backend-req/known-host-notifiers-registered',
    'VRING_HOST_NOTIFIER_MSG brings no page',
    inTable('hostNotifier', { passed: () => [] }),
  ),
  'host-notifier-unheeded': vhostUserFault(
    'vu-backend-req/host-notifier-kicks-its-ring',
    'what is stored in a host notifier is no kick',
    inTable('hostNotifier', { isKick: false }),
  ),
  'host-notifier-without-send-fd': vhostUserFault(
    'vu-backend-req/descriptors-need-send-fd',
    'VRING_HOST_NOTIFIER_MSG brings its page also where BACKEND_SEND_FD was not negotiated',
    inTable('hostNotifier', { needsSendFd: false }),
  ),
  'nine-descriptors-with-a-request': vhostUserFault(
    'vu-backend-req/at-most-eight-descriptors-per-message',
    'nine descriptors of the same page travel with VRING_HOST_NOTIFIER_MSG',
    inTable('hostNotifier', { passed: (page) => Array.from({ length: 9 }, () => page) }),
  ),
  'host-notifier-told-unnegotiated': vhostUserFault(
    'vu-features/no-extension-before-negotiation',
    'VRING_HOST_NOTIFIER_MSG comes although HOST_NOTIFIER was not negotiated',
    usedUnnegotiated('VHOST_USER_PROTOCOL_F_HOST_NOTIFIER'),
  ),
  'shared-object-told-unnegotiated': vhostUserFault(
    'vu-features/no-extension-before-negotiation',
    'SHARED_OBJECT_ADD and _REMOVE come although SHARED_OBJECT was not negotiated',
    usedUnnegotiated('VHOST_USER_PROTOCOL_F_SHARED_OBJECT'),
  ),
  'shared-object-never-added': vhostUserFault(
    'vu-shared-object/known-objects-added',
    'no object is added, although SHARED_OBJECT was negotiated',
    unused('VHOST_USER_PROTOCOL_F_SHARED_OBJECT'),
  ),
  'shared-object-kept-back': vhostUserFault(
    'vu-shared-object/known-uuid-yields-descriptor',
    'GET_SHARED_OBJECT is answered without a descriptor, whatever was added',
    inTable('sharedObjects', { isKnown: () => false }),
  ),
  'any-shared-object-handed-over': vhostUserFault(
    'vu-shared-object/known-uuid-yields-descriptor',
    'GET_SHARED_OBJECT with any UUID is answered with the descriptor of the one object',
    inTable('sharedObjects', { isKnown: (_, uuid) => uuid !== undefined }),
  ),
  'shared-object-uuid-little-endian': vhostUserFault(
    'vu-shared-object/uuid-parts-big-endian',
    'the first three parts of a UUID travel in little-endian order',
    inTable('sharedObjects', { sent: otherByteOrder }),
  ),
  'shared-memory-layout-grows': vhostUserFault(
    'vu-shmem/layout-constant-per-connection',
    'a second GET_SHMEM_CONFIG tells of a region more',
    inTable('sharedMemory', (right) => ({
      sizes: (pageSize, again) => [...right.sizes(pageSize, again), ...(again ? [pageSize] : [])],
    })),
  ),
  'shared-memory-of-half-a-page': vhostUserFault(
    'vu-shmem/region-sizes-page-multiples',
    'the region has half a page more than whole ones',
    inTable('sharedMemory', (right) => ({
      sizes: (pageSize, again) => right.sizes(pageSize, again).map((size) => size + pageSize / 2),
    })),
  ),
  'shared-memory-without-send-fd': vhostUserFault(
    'vu-backend-req/descriptors-need-send-fd',
    'SHMEM_MAP brings its page also where BACKEND_SEND_FD was not negotiated',
    inTable('sharedMemory', { needsSendFd: false }),
  ),
  'shared-memory-never-mapped': vhostUserFault(
    'vu-shmem/known-mappings-made',
    'nothing is mapped, although SHMEM was negotiated',
    unused('VHOST_USER_PROTOCOL_F_SHMEM'),
  ),
  'shared-memory-mapped-twice': vhostUserFault(
    'vu-shmem/map-free-range-unmap-whole-mapping',
    'a page that is mapped already is mapped again when rings run again',
    inTable('sharedMemory', { unmapsAtStop: false }),
  ),
  'shared-memory-mapped-past-end': vhostUserFault(
    'vu-shmem/map-free-range-unmap-whole-mapping',
    'the page is mapped behind the end of its region',
    inTable('sharedMemory', { mapped: (mapping) => ({ ...mapping, shmOffset: 4n * mapping.len }) }),
  ),
  'shared-memory-unmapped-in-part': vhostUserFault(
    'vu-shmem/map-free-range-unmap-whole-mapping',
    'half of what was mapped is unmapped',
    inTable('sharedMemory', { unmapped: (mapping) => ({ ...mapping, len: mapping.len / 2n }) }),
  ),
} as const satisfies Record<string, VhostUserFault>;
