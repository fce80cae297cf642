import type { DriverPort, Guest, OutgoingMessage, TargetFacts, VhostUserSession } from '../../drivers/port/port.ts';
import type { FeatureName } from '../../reference-impl/catalogue/catalogue.ts';
import type { FrontEndMessageName } from '../../reference-impl/wire/vhost-user-messages.ts';
import { shmemConfigPayload } from '../../reference-impl/wire/vhost-user-payloads.ts';
import { cameOf, uuidOf } from './back-end-messages.ts';
import { configPayload, readConfig } from './config-space.ts';
import { setDeviceState, transferDirection, transferError } from './device-state.ts';
import { wholeLog } from './dirty-pages.ts';
import { describedBy, getInflight, setInflight } from './inflight-buffer.ts';
import { addMemReg, remMemReg, tableOf } from './memory-table.ts';
import { setAddresses, setBase, setDescriptor, setEnable, setEndian, setNum } from './ring-messages.ts';

/** What a request refers to: the session that it is sent on, and memory for it. */
export interface RequestSetting {
  readonly port: DriverPort<VhostUserSession>;
  readonly session: VhostUserSession;
  readonly guest: Guest;
}

/** One request that a front-end may send, with what must go before it. */
export interface LawfulRequest {
  readonly request: FrontEndMessageName;
  /** Tells it from others of the same number. */
  readonly form?: string;
  readonly answer: 'own-reply' | 'acknowledgement';
  /** Features that must be negotiated. */
  readonly needs?: readonly FeatureName[];
  /** Types of device; every one without it. */
  readonly devices?: readonly string[];
  /** What else must be true of the target. */
  holds?(facts: TargetFacts): boolean;
  /** A front-end sends it once on a connection. */
  readonly isSentOnce?: true;
  /** The text calls it deprecated: a back-end that ends there breaks no rule of answers. */
  readonly isNoLongerSent?: true;
  /** A front-end may send it, with `before`, while rings run, and they run on. */
  readonly isLawfulWhileRunning?: true;
  /** Payload bytes without which the request says nothing; none where it has no payload. */
  readonly bytes?: number;
  /** Sizes that its own reply may have, where that says what was asked for; a u64 unless told. */
  readonly replyBytes?: readonly number[];
  /** Of a u64 that it is replied to by: whether that says that it succeeded. 0 alone does unless told. */
  hasSucceeded?(reply: bigint): boolean;
  before?(setting: RequestSetting): void;
  /** The message. `time` counts from 0 where it is sent again on one session. */
  message(setting: RequestSetting, time: number): OutgoingMessage;
}

/** Each request is sent at most this often on one session. */
const mostTimes = 4;
const ringSize = 16;
const ring = 0;
const statuses = [1n, 3n, 3n, 3n] as const;
const writebackAt = 32;
const ack = 'acknowledgement';
const own = 'own-reply';

const plain = (request: FrontEndMessageName): Pick<LawfulRequest, 'request' | 'message'> => ({
  request,
  message: () => ({ request }),
});

const word = (request: FrontEndMessageName, of: (setting: RequestSetting, time: number) => bigint) => ({
  request,
  bytes: 8,
  message: (setting: RequestSetting, time: number): OutgoingMessage => ({
    request,
    payload: { u64: of(setting, time) },
  }),
});

function share({ port, session, guest }: RequestSetting): void {
  session.messages.send(tableOf(port, guest));
}

/** SET_VRING_KICK, _CALL and _ERR with the no-fd bit. */
const withoutDescriptor = (which: 'KICK' | 'CALL' | 'ERR'): LawfulRequest => ({
  request: `VHOST_USER_SET_VRING_${which}`,
  form: 'no-fd',
  answer: ack,
  bytes: 8,
  message: () => setDescriptor(which, ring),
});

/** Addresses of an empty split ring at the start of the guest's memory. */
function ringAddresses({ guest }: RequestSetting): OutgoingMessage {
  const [region] = guest.regions;
  const start = region?.userAddress ?? 0n;
  const fields = { descriptor: start, available: start + 0x1000n, used: start + 0x2000n, flags: 0, log: 0n };
  return setAddresses(ring, fields);
}

function tellRing(setting: RequestSetting): void {
  share(setting);
  for (const message of [setNum(ring, ringSize), setBase(ring, 0), ringAddresses(setting)]) {
    setting.session.messages.send(message);
  }
}

function startRing(setting: RequestSetting): void {
  tellRing(setting);
  const { descriptors } = setting.port;
  for (const which of ['CALL', 'KICK'] as const) {
    setting.session.messages.send(setDescriptor(which, ring, descriptors.eventfd()));
  }
}

const extraRegion = (time: number) => ({
  guestAddress: 0x40_0000_0000n + BigInt(time) * 0x10_0000n,
  userAddress: 0x50_0000_0000n + BigInt(time) * 0x10_0000n,
  size: 0x1_0000n,
  mmapOffset: 0n,
});

const addRegion = ({ port }: RequestSetting, time: number): OutgoingMessage =>
  addMemReg(extraRegion(time), port.descriptors.memoryFile(0x1_0000));

const inflightShmfd = ['VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD'] as const;
const skipDrain = [
  ...inflightShmfd,
  'VHOST_USER_PROTOCOL_F_GET_VRING_BASE_INFLIGHT',
  'VHOST_USER_PROTOCOL_F_GET_VRING_BASE_SKIP_DRAIN',
] as const;
const memorySlots = ['VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS'] as const;
const status = ['VHOST_USER_PROTOCOL_F_STATUS'] as const;
const deviceState = ['VHOST_USER_PROTOCOL_F_DEVICE_STATE'] as const;

/** Saves the state into a pipe. */
const saving = ({ port }: RequestSetting): OutgoingMessage =>
  setDeviceState(transferDirection.save, port.descriptors.pipe('blocking').writeEnd);

/**
 * The requests that a front-end may send to any device, and some to one type of device, after the features and, but for
 * SET_OWNER, after the owner. Left out are those of postcopy, IOTLB and crypto, which need a device or a front-end that is
 * in the middle of more than one request.
 */
export const lawfulRequests: readonly LawfulRequest[] = [
  { ...plain('VHOST_USER_GET_FEATURES'), answer: own },
  {
    ...word('VHOST_USER_SET_FEATURES', ({ session }) => session.negotiated.accepted.device),
    answer: ack,
    isLawfulWhileRunning: true,
  },
  { ...plain('VHOST_USER_SET_OWNER'), answer: ack, isSentOnce: true },
  { ...plain('VHOST_USER_RESET_OWNER'), answer: ack, isSentOnce: true, isNoLongerSent: true },
  {
    request: 'VHOST_USER_SET_MEM_TABLE',
    answer: ack,
    isLawfulWhileRunning: true,
    bytes: 72,
    message: ({ port, guest }) => tableOf(port, guest),
  },
  {
    request: 'VHOST_USER_SET_LOG_BASE',
    answer: own,
    // The text asks for a reply and gives it no payload.
    replyBytes: [0, 8],
    isLawfulWhileRunning: true,
    bytes: 16,
    needs: ['VHOST_USER_PROTOCOL_F_LOG_SHMFD'],
    message: ({ port }) => ({
      request: 'VHOST_USER_SET_LOG_BASE',
      payload: { logSize: BigInt(wholeLog), logOffset: 0n },
      descriptors: [port.descriptors.memoryFile(wholeLog)],
    }),
  },
  {
    request: 'VHOST_USER_SET_LOG_FD',
    answer: ack,
    isLawfulWhileRunning: true,
    needs: ['VHOST_USER_PROTOCOL_F_LOG_SHMFD'],
    message: ({ port }) => ({ request: 'VHOST_USER_SET_LOG_FD', descriptors: [port.descriptors.eventfd()] }),
  },
  { request: 'VHOST_USER_SET_VRING_NUM', answer: ack, bytes: 8, message: () => setNum(ring, 256) },
  {
    request: 'VHOST_USER_SET_VRING_ADDR',
    answer: ack,
    bytes: 40,
    before: tellRing,
    message: ringAddresses,
  },
  { request: 'VHOST_USER_SET_VRING_BASE', answer: ack, bytes: 8, message: () => setBase(ring, 0) },
  {
    request: 'VHOST_USER_SET_VRING_ENDIAN',
    answer: ack,
    bytes: 8,
    needs: ['VHOST_USER_PROTOCOL_F_CROSS_ENDIAN'],
    message: () => setEndian(ring, 0),
  },
  {
    request: 'VHOST_USER_GET_VRING_BASE',
    answer: own,
    replyBytes: [8],
    // The number is reserved.
    bytes: 4,
    before: startRing,
    message: () => ({ request: 'VHOST_USER_GET_VRING_BASE', payload: { index: ring, num: 0 } }),
  },
  {
    request: 'VHOST_USER_GET_VRING_BASE_SKIP_DRAIN',
    answer: own,
    replyBytes: [8],
    bytes: 4,
    needs: skipDrain,
    before: startRing,
    message: () => ({ request: 'VHOST_USER_GET_VRING_BASE_SKIP_DRAIN', payload: { index: ring, num: 0 } }),
  },
  {
    request: 'VHOST_USER_SET_VRING_KICK',
    answer: ack,
    bytes: 8,
    before: tellRing,
    message: ({ port }) => setDescriptor('KICK', ring, port.descriptors.eventfd()),
  },
  {
    request: 'VHOST_USER_SET_VRING_CALL',
    answer: ack,
    isLawfulWhileRunning: true,
    bytes: 8,
    message: ({ port }) => setDescriptor('CALL', ring, port.descriptors.eventfd()),
  },
  {
    request: 'VHOST_USER_SET_VRING_ERR',
    answer: ack,
    isLawfulWhileRunning: true,
    bytes: 8,
    message: ({ port }) => setDescriptor('ERR', ring, port.descriptors.eventfd()),
  },
  { ...withoutDescriptor('KICK'), before: tellRing },
  { ...withoutDescriptor('CALL'), isLawfulWhileRunning: true },
  { ...withoutDescriptor('ERR'), isLawfulWhileRunning: true },
  { ...plain('VHOST_USER_GET_PROTOCOL_FEATURES'), answer: own, isLawfulWhileRunning: true },
  { ...word('VHOST_USER_SET_PROTOCOL_FEATURES', ({ session }) => session.negotiated.accepted.protocol), answer: ack },
  {
    ...plain('VHOST_USER_GET_QUEUE_NUM'),
    answer: own,
    needs: ['VHOST_USER_PROTOCOL_F_MQ'],
    isLawfulWhileRunning: true,
  },
  {
    request: 'VHOST_USER_SET_VRING_ENABLE',
    answer: ack,
    bytes: 8,
    needs: ['VHOST_USER_F_PROTOCOL_FEATURES'],
    before: startRing,
    message: () => setEnable(ring, 1),
  },
  {
    request: 'VHOST_USER_SET_VRING_ENABLE',
    form: 'disable',
    answer: ack,
    bytes: 8,
    needs: ['VHOST_USER_F_PROTOCOL_FEATURES'],
    before: startRing,
    message: () => setEnable(ring, 0),
  },
  {
    ...word('VHOST_USER_SEND_RARP', () => 0x0000_0605_0403_0202n),
    answer: ack,
    isLawfulWhileRunning: true,
    needs: ['VHOST_USER_PROTOCOL_F_RARP'],
    devices: ['net'],
  },
  {
    ...word('VHOST_USER_NET_SET_MTU', () => 1500n),
    answer: ack,
    isLawfulWhileRunning: true,
    needs: ['VHOST_USER_PROTOCOL_F_MTU', 'VIRTIO_NET_F_MTU'],
    devices: ['net'],
  },
  {
    request: 'VHOST_USER_SET_BACKEND_REQ_FD',
    answer: ack,
    isLawfulWhileRunning: true,
    needs: ['VHOST_USER_PROTOCOL_F_BACKEND_REQ'],
    message: ({ port }) => ({
      request: 'VHOST_USER_SET_BACKEND_REQ_FD',
      descriptors: [port.descriptors.socketPair().farEnd],
    }),
  },
  {
    request: 'VHOST_USER_GET_CONFIG',
    answer: own,
    replyBytes: [20],
    isLawfulWhileRunning: true,
    bytes: 12,
    needs: ['VHOST_USER_PROTOCOL_F_CONFIG'],
    devices: ['block', 'net'],
    message: () => ({ request: 'VHOST_USER_GET_CONFIG', payload: configPayload(0, 8) }),
  },
  {
    request: 'VHOST_USER_SET_CONFIG',
    answer: ack,
    isLawfulWhileRunning: true,
    bytes: 13,
    needs: ['VHOST_USER_PROTOCOL_F_CONFIG', 'VIRTIO_BLK_F_CONFIG_WCE', 'VIRTIO_BLK_F_FLUSH'],
    devices: ['block'],
    // Writes what stands there.
    message: ({ session }) => {
      const value = readConfig(session, 0, writebackAt + 1)?.slice(writebackAt) ?? Uint8Array.of(0);
      return { request: 'VHOST_USER_SET_CONFIG', payload: configPayload(writebackAt, 1, 0, value) };
    },
  },
  {
    request: 'VHOST_USER_GET_INFLIGHT_FD',
    answer: own,
    replyBytes: [20, 24],
    isLawfulWhileRunning: true,
    bytes: 20,
    needs: inflightShmfd,
    message: () => getInflight(1, ringSize),
  },
  {
    request: 'VHOST_USER_SET_INFLIGHT_FD',
    answer: ack,
    bytes: 20,
    needs: inflightShmfd,
    message: ({ session }) => {
      const made = session.messages.exchange(getInflight(1, ringSize));
      const description = made.kind === 'reply' ? describedBy(made.message) : undefined;
      const nothing = { mmapSize: 0n, mmapOffset: 0n, numQueues: 1, queueSize: ringSize };
      return setInflight(description ?? nothing, made.kind === 'reply' ? made.message.descriptors : []);
    },
  },
  {
    ...plain('VHOST_USER_RESET_DEVICE'),
    answer: ack,
    needs: ['VHOST_USER_PROTOCOL_F_RESET_DEVICE'],
  },
  {
    request: 'VHOST_USER_VRING_KICK',
    answer: ack,
    // The number is reserved.
    bytes: 4,
    needs: [
      'VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS',
      'VHOST_USER_PROTOCOL_F_BACKEND_REQ',
      'VHOST_USER_PROTOCOL_F_REPLY_ACK',
    ],
    before: (setting) => {
      setting.session.messages.openBackEndChannel({ kind: 'serve' });
      tellRing(setting);
    },
    message: () => ({ request: 'VHOST_USER_VRING_KICK', payload: { index: ring, num: 0 } }),
  },
  { ...plain('VHOST_USER_GET_MAX_MEM_SLOTS'), answer: own, needs: memorySlots, isLawfulWhileRunning: true },
  {
    request: 'VHOST_USER_ADD_MEM_REG',
    answer: ack,
    bytes: 40,
    needs: memorySlots,
    isLawfulWhileRunning: true,
    message: addRegion,
  },
  {
    request: 'VHOST_USER_REM_MEM_REG',
    answer: ack,
    isLawfulWhileRunning: true,
    bytes: 40,
    needs: memorySlots,
    before: (setting) => {
      for (let time = 0; time < mostTimes; time++) setting.session.messages.send(addRegion(setting, time));
    },
    message: (_, time) => remMemReg(extraRegion(time)),
  },
  { ...word('VHOST_USER_SET_STATUS', (_, time) => statuses[time] ?? 3n), answer: ack, needs: status },
  { ...plain('VHOST_USER_GET_STATUS'), answer: own, needs: status },
  {
    request: 'VHOST_USER_SET_DEVICE_STATE_FD',
    answer: own,
    bytes: 8,
    needs: deviceState,
    isSentOnce: true,
    hasSucceeded: (reply) => (reply & transferError) === 0n,
    message: saving,
  },
  {
    ...plain('VHOST_USER_CHECK_DEVICE_STATE'),
    answer: own,
    needs: deviceState,
    isSentOnce: true,
    before: (setting) => void setting.session.messages.exchange(saving(setting)),
  },
  {
    request: 'VHOST_USER_GET_SHARED_OBJECT',
    answer: own,
    bytes: 16,
    // The text gives the reply a descriptor, and no payload.
    replyBytes: [0, 8, 16],
    needs: ['VHOST_USER_PROTOCOL_F_SHARED_OBJECT', 'VHOST_USER_PROTOCOL_F_BACKEND_REQ'],
    holds: ({ sharedObjects = [] }) => sharedObjects.length > 0,
    before: (setting) => {
      setting.session.messages.openBackEndChannel({ kind: 'serve' });
      startRing(setting);
    },
    // One that the back-end has added.
    message: ({ port, session }) => {
      const [added] = cameOf(port, session, 'VHOST_USER_BACKEND_SHARED_OBJECT_ADD');
      return {
        request: 'VHOST_USER_GET_SHARED_OBJECT',
        payload: { uuid: added === undefined ? new Uint8Array(16) : uuidOf(added) },
      };
    },
  },
  {
    ...plain('VHOST_USER_GET_SHMEM_CONFIG'),
    answer: own,
    replyBytes: [shmemConfigPayload.size],
    needs: ['VHOST_USER_PROTOCOL_F_SHMEM'],
    isLawfulWhileRunning: true,
  },
];
