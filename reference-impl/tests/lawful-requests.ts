import { VIRTIO_CRYPTO_CIPHER_AES_CBC } from '../devices/crypto-layout.ts';
import { plainGuest } from '../memory/guest.ts';
import { guestLayouts } from '../memory/guest-layout.ts';
import { inflightRegionSize } from '../vhost-user/inflight-rules.ts';
import { VIRTIO_F_ACCESS_PLATFORM } from '../virtqueue/feature-bits.ts';
import type { FrontEndMessageName } from '../wire/vhost-user-messages.ts';
import {
  configPayload,
  cryptoSessionPayload,
  deviceStatePayload,
  inflightPayload,
  iotlbPayload,
  logPayload,
  memoryRegionsPayload,
  sharedObjectPayload,
  singleMemoryRegionPayload,
  vringAddressPayload,
  vringStatePayload,
} from '../wire/vhost-user-payloads.ts';
import { encode, type Sending, type SessionUnderTest, u64 } from './session-under-test.ts';

/** A guest of one region, with a ring of 16 entries. */
export function guestWithRing() {
  const guest = plainGuest(guestLayouts['single-region']);
  const ring = guest.ring({ layout: 'split', size: 16 });
  return { guest, ring };
}

type World = ReturnType<typeof guestWithRing>;

const state = (index: number, num: number): Uint8Array => encode(vringStatePayload, { index, num });

const regionOf = ({ guest }: World) => {
  const [region] = guest.regions;
  if (region === undefined) throw new Error('a guest without memory');
  const { guestAddress, userAddress, size } = region;
  return { region, told: { guestAddress, userAddress, size: BigInt(size), mmapOffset: 0n } };
};

/** Sends a request, and closes the descriptors of its reply. */
export function closeReplied(test: SessionUnderTest, name: FrontEndMessageName): void {
  for (const { descriptors } of test.send(name)) for (const token of descriptors) test.edge.close(token);
}

export const memoryTable = (test: SessionUnderTest, world: World): Sending => {
  const { region, told } = regionOf(world);
  return {
    payload: encode(memoryRegionsPayload, { numRegions: 1, regions: [told] }),
    descriptors: [test.edge.give(region.bytes)],
  };
};

const addresses = ({ ring }: World): Sending => ({
  payload: encode(vringAddressPayload, {
    index: 0,
    flags: 0,
    descriptor: ring.desc.userAddress,
    used: ring.used.userAddress,
    available: ring.avail.userAddress,
    log: 0n,
  }),
});

const extraRegion = { guestAddress: 0x1_0000_0000n, userAddress: 0x10_0000_0000n, size: 0x2000n, mmapOffset: 0x1000n };

const setUpRing = (test: SessionUnderTest, world: World): void => {
  test.send('VHOST_USER_SET_MEM_TABLE', memoryTable(test, world));
  test.send('VHOST_USER_SET_VRING_NUM', { payload: state(0, 16) });
  test.send('VHOST_USER_SET_VRING_ADDR', addresses(world));
};

const plainSession = { cipher: VIRTIO_CRYPTO_CIPHER_AES_CBC, keyLength: 16, operation: 1, key: new Uint8Array(16) };

/** For each request that the reference knows: what must go before it, and a lawful one. */
export interface LawfulRequest {
  readonly before?: (test: SessionUnderTest, world: World) => void;
  readonly sending: (test: SessionUnderTest, world: World) => Sending;
  readonly device?: 'net' | 'crypto';
  /** A session has one owner: a second SET_OWNER is refused. */
  readonly needsNoOwner?: true;
}

const nothing: LawfulRequest = { sending: () => ({}) };

export const lawfulRequests: Readonly<Partial<Record<FrontEndMessageName, LawfulRequest>>> = {
  VHOST_USER_GET_FEATURES: nothing,
  VHOST_USER_SET_FEATURES: { sending: (test) => ({ payload: u64(test.session.features) }) },
  VHOST_USER_SET_OWNER: { ...nothing, needsNoOwner: true },
  VHOST_USER_RESET_OWNER: nothing,
  VHOST_USER_SET_MEM_TABLE: { sending: memoryTable },
  VHOST_USER_SET_LOG_BASE: {
    sending: (test) => ({
      payload: encode(logPayload, { logSize: 0x1000n, logOffset: 0x1000n }),
      descriptors: [test.edge.give(new Uint8Array(0x2000))],
    }),
  },
  VHOST_USER_SET_LOG_FD: { sending: (test) => ({ descriptors: [test.edge.give()] }) },
  VHOST_USER_SET_VRING_NUM: { sending: () => ({ payload: state(1, 256) }) },
  VHOST_USER_SET_VRING_ADDR: {
    before: (test, world) => test.send('VHOST_USER_SET_MEM_TABLE', memoryTable(test, world)),
    sending: (_, world) => addresses(world),
  },
  VHOST_USER_SET_VRING_BASE: { sending: () => ({ payload: state(1, 65535) }) },
  VHOST_USER_SET_VRING_ENDIAN: { sending: () => ({ payload: state(1, 1) }) },
  VHOST_USER_GET_VRING_BASE: { sending: () => ({ payload: state(1, 0) }) },
  VHOST_USER_GET_VRING_BASE_SKIP_DRAIN: { sending: () => ({ payload: state(1, 0) }) },
  VHOST_USER_SET_VRING_KICK: {
    before: setUpRing,
    sending: (test) => ({ payload: u64(0n), descriptors: [test.edge.give()] }),
  },
  VHOST_USER_SET_VRING_CALL: { sending: (test) => ({ payload: u64(1n), descriptors: [test.edge.give()] }) },
  VHOST_USER_SET_VRING_ERR: { sending: (test) => ({ payload: u64(1n), descriptors: [test.edge.give()] }) },
  VHOST_USER_GET_PROTOCOL_FEATURES: nothing,
  VHOST_USER_SET_PROTOCOL_FEATURES: { sending: (test) => ({ payload: u64(test.session.protocolFeatures) }) },
  VHOST_USER_GET_QUEUE_NUM: nothing,
  VHOST_USER_SET_VRING_ENABLE: { sending: () => ({ payload: state(0, 1) }) },
  VHOST_USER_SEND_RARP: { device: 'net', sending: () => ({ payload: u64(0x5452n) }) },
  VHOST_USER_NET_SET_MTU: { device: 'net', sending: () => ({ payload: u64(1500n) }) },
  VHOST_USER_SET_BACKEND_REQ_FD: { sending: (test) => ({ descriptors: [test.edge.give()] }) },
  VHOST_USER_IOTLB_MSG: {
    before: (test, world) => {
      test.send('VHOST_USER_SET_FEATURES', { payload: u64(test.session.features | VIRTIO_F_ACCESS_PLATFORM) });
      test.send('VHOST_USER_SET_MEM_TABLE', memoryTable(test, world));
    },
    sending: (_, world) => {
      const { userAddress, size } = regionOf(world).told;
      return { payload: encode(iotlbPayload, { iova: 0x1000n, size, userAddress, permissions: 3, type: 2 }) };
    },
  },
  VHOST_USER_GET_CONFIG: {
    sending: () => ({ payload: encode(configPayload, { offset: 0, size: 8, flags: 0, payload: new Uint8Array(8) }) }),
  },
  VHOST_USER_SET_CONFIG: {
    sending: () => ({ payload: encode(configPayload, { offset: 32, size: 1, flags: 0, payload: new Uint8Array(1) }) }),
  },
  VHOST_USER_CREATE_CRYPTO_SESSION: {
    device: 'crypto',
    sending: () => ({ payload: new Uint8Array(cryptoSessionPayload.size) }),
  },
  VHOST_USER_CLOSE_CRYPTO_SESSION: {
    device: 'crypto',
    before: (test) => void test.session.device.cryptoSessions?.create(plainSession),
    sending: () => ({ payload: u64(0n) }),
  },
  VHOST_USER_GET_INFLIGHT_FD: {
    sending: () => ({
      payload: encode(inflightPayload, { mmapSize: 0n, mmapOffset: 0n, numQueues: 2, queueSize: 16 }),
    }),
  },
  VHOST_USER_SET_INFLIGHT_FD: {
    sending: (test) => {
      const size = 2 * inflightRegionSize(16, 'split');
      return {
        payload: encode(inflightPayload, { mmapSize: BigInt(size), mmapOffset: 0n, numQueues: 2, queueSize: 16 }),
        descriptors: [test.edge.give(new Uint8Array(size))],
      };
    },
  },
  VHOST_USER_RESET_DEVICE: nothing,
  VHOST_USER_VRING_KICK: { before: setUpRing, sending: () => ({ payload: state(0, 0) }) },
  VHOST_USER_SET_DEVICE_STATE_FD: {
    sending: (test) => ({
      payload: encode(deviceStatePayload, { transferDirection: 0, migrationPhase: 0 }),
      descriptors: [test.edge.give(new Uint8Array(0))],
    }),
  },
  VHOST_USER_CHECK_DEVICE_STATE: nothing,
  VHOST_USER_GET_SHARED_OBJECT: {
    sending: () => ({ payload: encode(sharedObjectPayload, { uuid: new Uint8Array(16) }) }),
  },
  VHOST_USER_GET_SHMEM_CONFIG: nothing,
  VHOST_USER_POSTCOPY_ADVISE: nothing,
  VHOST_USER_POSTCOPY_LISTEN: { ...nothing, before: (test) => closeReplied(test, 'VHOST_USER_POSTCOPY_ADVISE') },
  VHOST_USER_POSTCOPY_END: {
    ...nothing,
    before: (test) => {
      closeReplied(test, 'VHOST_USER_POSTCOPY_ADVISE');
      test.send('VHOST_USER_POSTCOPY_LISTEN');
    },
  },
  VHOST_USER_GET_MAX_MEM_SLOTS: nothing,
  VHOST_USER_ADD_MEM_REG: {
    sending: (test) => ({
      payload: encode(singleMemoryRegionPayload, extraRegion),
      descriptors: [test.edge.give(new Uint8Array(0x3000))],
    }),
  },
  VHOST_USER_REM_MEM_REG: {
    before: (test) =>
      test.send('VHOST_USER_ADD_MEM_REG', {
        payload: encode(singleMemoryRegionPayload, extraRegion),
        descriptors: [test.edge.give(new Uint8Array(0x3000))],
      }),
    sending: () => ({ payload: encode(singleMemoryRegionPayload, { ...extraRegion, mmapOffset: 0n }) }),
  },
  VHOST_USER_SET_STATUS: { sending: () => ({ payload: u64(3n) }) },
  VHOST_USER_GET_STATUS: nothing,
};
