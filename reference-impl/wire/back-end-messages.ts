import { describeMessages, protocolGate, virtioGate } from './message-description.ts';
import {
  emptyPayload,
  iotlbPayload,
  mmapPayload,
  packedIotlbPayload,
  sharedObjectPayload,
  u64Payload,
  vringAreaPayload,
  vringIndexPayload,
} from './vhost-user-payloads.ts';

const index = { codec: vringIndexPayload } as const;
const sharedObject = { codec: sharedObjectPayload } as const;
const mmap = { codec: mmapPayload } as const;

const backendReq = protocolGate('VHOST_USER_PROTOCOL_F_BACKEND_REQ');
const backendSendFd = protocolGate('VHOST_USER_PROTOCOL_F_BACKEND_SEND_FD');
const inband = protocolGate('VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS');
const sharedObjects = protocolGate('VHOST_USER_PROTOCOL_F_SHARED_OBJECT');
const shmem = protocolGate('VHOST_USER_PROTOCOL_F_SHMEM');

const backEnd = describeMessages('back-end', [{ codec: emptyPayload }]);

/** All requests of the back-end, in order of their ids (Back-end message types). */
export const backEndMessages = [
  backEnd(1, 'VHOST_USER_BACKEND_IOTLB_MSG', {
    previousName: 'VHOST_USER_SLAVE_IOTLB_MSG',
    request: [{ codec: iotlbPayload }, { codec: packedIotlbPayload }],
    gate: [virtioGate('VIRTIO_F_ACCESS_PLATFORM'), backendReq],
  }),
  backEnd(2, 'VHOST_USER_BACKEND_CONFIG_CHANGE_MSG', {
    previousName: 'VHOST_USER_SLAVE_CONFIG_CHANGE_MSG',
    gate: [protocolGate('VHOST_USER_PROTOCOL_F_CONFIG'), backendReq],
  }),
  backEnd(3, 'VHOST_USER_BACKEND_VRING_HOST_NOTIFIER_MSG', {
    previousName: 'VHOST_USER_SLAVE_VRING_HOST_NOTIFIER_MSG',
    request: [{ codec: vringAreaPayload }],
    fds: [0, 1],
    fdRule: 'unless-no-fd-flag',
    gate: [protocolGate('VHOST_USER_PROTOCOL_F_HOST_NOTIFIER'), backendReq, backendSendFd],
  }),
  backEnd(4, 'VHOST_USER_BACKEND_VRING_CALL', {
    previousName: 'VHOST_USER_SLAVE_VRING_CALL',
    request: [index],
    gate: [inband, backendReq],
  }),
  backEnd(5, 'VHOST_USER_BACKEND_VRING_ERR', {
    previousName: 'VHOST_USER_SLAVE_VRING_ERR',
    request: [index],
    gate: [inband, backendReq],
  }),
  backEnd(6, 'VHOST_USER_BACKEND_SHARED_OBJECT_ADD', { request: [sharedObject], gate: [sharedObjects, backendReq] }),
  backEnd(7, 'VHOST_USER_BACKEND_SHARED_OBJECT_REMOVE', { request: [sharedObject], gate: [sharedObjects, backendReq] }),
  backEnd(8, 'VHOST_USER_BACKEND_SHARED_OBJECT_LOOKUP', {
    request: [sharedObject],
    reply: [{ codec: u64Payload }],
    replyFds: [0, 1],
    gate: [sharedObjects, backendReq],
  }),
  backEnd(9, 'VHOST_USER_BACKEND_SHMEM_MAP', {
    request: [mmap],
    fds: [1, 1],
    gate: [shmem, backendReq, backendSendFd],
  }),
  backEnd(10, 'VHOST_USER_BACKEND_SHMEM_UNMAP', { request: [mmap], gate: [shmem, backendReq] }),
] as const;
