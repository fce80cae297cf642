import t from 'tap';
import { BackEndRequestsModel } from '../oracle/model/back-end-requests-model.ts';
import type { ModelFinding } from '../oracle/model/observation.ts';
import { encodeStructure } from '../wire/structure.ts';
import { encodeHeaderInto } from '../wire/vhost-user-codec.ts';
import {
  bit,
  vhostUserProtocolFeatures as protocol,
  VHOST_USER_VRING_NOFD_MASK,
} from '../wire/vhost-user-constants.ts';
import { requestId } from '../wire/vhost-user-messages.ts';
import { mmapPayload, sharedObjectPayload, shmemConfigPayload, vringAreaPayload } from '../wire/vhost-user-payloads.ts';

const headerBytes = 12;
const page = 0x1000n;
const object = '01020304-0506-0708-090a-0b0c0d0e0f10';
const uuid = Uint8Array.from({ length: 16 }, (_, n) => n + 1);
const otherUuid = uuid.toReversed();

const channel = bit(protocol.VHOST_USER_PROTOCOL_F_BACKEND_REQ);
const sendFd = bit(protocol.VHOST_USER_PROTOCOL_F_BACKEND_SEND_FD);
const notifiers = bit(protocol.VHOST_USER_PROTOCOL_F_HOST_NOTIFIER);
const objects = bit(protocol.VHOST_USER_PROTOCOL_F_SHARED_OBJECT);
const memory = bit(protocol.VHOST_USER_PROTOCOL_F_SHMEM);
const all = channel | sendFd | notifiers | objects | memory;

function message(request: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(headerBytes + payload.length);
  encodeHeaderInto(new DataView(bytes.buffer), 0, request, 1, payload.length);
  bytes.set(payload, headerBytes);
  return bytes;
}

function word(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value, true);
  return bytes;
}

/** A session with these protocol features and a channel that is served. */
function session(features = all) {
  const found: ModelFinding[] = [];
  const known = { pageSize: page, hasNotifiers: true, hasMappings: true, objects: [object] };
  const model = new BackEndRequestsModel((finding) => found.push(finding), known);
  const send = (request: number, payload: Uint8Array, isServed = false) =>
    model.sent(message(request, payload), isServed);
  send(requestId.VHOST_USER_SET_PROTOCOL_FEATURES, word(features));
  send(requestId.VHOST_USER_SET_BACKEND_REQ_FD, new Uint8Array(0), true);
  const told = (): string[] => found.splice(0).map(({ requirement }) => requirement);
  const notify = (u64: bigint, size: bigint, descriptors: number): void => {
    const payload = encodeStructure(vringAreaPayload, { u64, size, offset: 0n });
    model.request(message(requestId.VHOST_USER_BACKEND_VRING_HOST_NOTIFIER_MSG, payload), descriptors);
  };
  const share = (id: Uint8Array, request: number = requestId.VHOST_USER_BACKEND_SHARED_OBJECT_ADD): void =>
    model.request(message(request, encodeStructure(sharedObjectPayload, { uuid: id })), 0);
  const map = (shmOffset: bigint, len: bigint, request: number = requestId.VHOST_USER_BACKEND_SHMEM_MAP): void => {
    const payload = encodeStructure(mmapPayload, { shmid: 0, fdOffset: 0n, shmOffset, len, flags: 0n });
    model.request(message(request, payload), request === requestId.VHOST_USER_BACKEND_SHMEM_MAP ? 1 : 0);
  };
  const sizes = (first: bigint): void => {
    const memorySizes = Array.from({ length: 256 }, (_, n) => (n === 0 ? first : 0n));
    const payload = encodeStructure(shmemConfigPayload, { numRegions: 1, memorySizes });
    model.received(message(requestId.VHOST_USER_GET_SHMEM_CONFIG, payload), 0);
  };
  const ask = (id: Uint8Array, descriptors: number): void => {
    send(requestId.VHOST_USER_GET_SHARED_OBJECT, id);
    model.received(message(requestId.VHOST_USER_GET_SHARED_OBJECT, id), descriptors);
  };
  /** A ring that runs, uses a buffer and stops. */
  const run = (): void => {
    send(requestId.VHOST_USER_SET_VRING_KICK, word(0n));
    model.served(0);
    model.received(message(requestId.VHOST_USER_GET_VRING_BASE, new Uint8Array(8)), 0);
  };
  return { send, told, notify, share, map, sizes, ask, run };
}

t.test('a host notifier has the size of a page, and its page travels as one descriptor', (t) => {
  const { told, notify } = session();
  notify(1n, page, 1);
  notify(1n | VHOST_USER_VRING_NOFD_MASK, 0n, 0);
  t.same(told(), []);
  notify(1n, 2n * page, 1);
  t.same(told(), ['vu-backend-req/host-notifier-page-sized']);
  notify(1n, page, 8);
  t.same(told(), [], 'eight descriptors');
  notify(1n, page, 9);
  t.same(told(), ['vu-backend-req/at-most-eight-descriptors-per-message']);
  t.end();
});

t.test('requests come with the features that they hang on alone', (t) => {
  const without = session(channel | sendFd);
  without.notify(0n, page, 1);
  without.share(uuid);
  without.map(0n, page);
  t.same(without.told(), new Array(3).fill('vu-features/no-extension-before-negotiation'));
  const plain = session(channel | notifiers);
  plain.notify(VHOST_USER_VRING_NOFD_MASK, 0n, 0);
  t.same(plain.told(), []);
  plain.notify(0n, page, 1);
  t.same(plain.told(), ['vu-backend-req/descriptors-need-send-fd']);
  t.end();
});

t.test('what is mapped is free and within its region, and what is unmapped is a whole mapping', (t) => {
  const requirement = 'vu-shmem/map-free-range-unmap-whole-mapping';
  const unmap = requestId.VHOST_USER_BACKEND_SHMEM_UNMAP;
  const { told, map, sizes, send } = session();
  sizes(4n * page);
  map(0n, page);
  map(page, page);
  map(0n, page, unmap);
  map(0n, page);
  t.same(told(), []);
  map(page, page);
  t.same(told(), [requirement], 'it is mapped already');
  map(4n * page, page);
  t.same(told(), [requirement], 'behind the end of the region');
  map(page, page / 2n, unmap);
  t.same(told(), [requirement], 'half of a mapping');
  send(requestId.VHOST_USER_RESET_DEVICE, new Uint8Array(0));
  map(page, page / 2n, unmap);
  t.same(told(), [], 'behind a reset nothing is known');
  sizes(page / 2n);
  t.same(told(), ['vu-shmem/region-sizes-page-multiples']);
  t.end();
});

t.test('an object is handed over once it was added, and no other', (t) => {
  const requirement = 'vu-shared-object/known-uuid-yields-descriptor';
  const { told, share, ask } = session();
  ask(uuid, 0);
  ask(uuid, 1);
  t.same(told(), [], 'the object of the target may just have been added');
  ask(otherUuid, 0);
  share(uuid);
  ask(uuid, 1);
  t.same(told(), []);
  ask(uuid, 0);
  ask(otherUuid, 1);
  t.same(told(), [requirement, requirement]);
  share(uuid, requestId.VHOST_USER_BACKEND_SHARED_OBJECT_REMOVE);
  ask(uuid, 0);
  ask(uuid, 1);
  t.same(told(), [], 'one that was removed');
  share(otherUuid);
  t.same(told(), ['vu-shared-object/uuid-parts-big-endian']);
  t.end();
});

t.test('a target shares what it is known to share, once a ring used a buffer', (t) => {
  const all = [
    'vu-backend-req/known-host-notifiers-registered',
    'vu-shmem/known-mappings-made',
    'vu-shared-object/known-objects-added',
  ];
  const silent = session();
  silent.run();
  t.same(silent.told(), all);
  const sharing = session();
  sharing.notify(0n, page, 1);
  sharing.map(0n, page);
  sharing.share(uuid);
  sharing.run();
  t.same(sharing.told(), []);
  const pageless = session();
  pageless.map(0n, page);
  pageless.share(uuid);
  pageless.notify(0n, page, 0);
  pageless.run();
  t.same(pageless.told(), [all[0]]);
  const bare = session(channel);
  bare.run();
  t.same(bare.told(), [], 'without the features nothing is owed');
  const replaced = session();
  replaced.send(requestId.VHOST_USER_SET_BACKEND_REQ_FD, new Uint8Array(0));
  replaced.run();
  t.same(replaced.told(), [], 'on a channel that is not read all may have been told');
  t.end();
});
