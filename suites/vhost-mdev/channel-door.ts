import type { Guest, VhostMdevSession } from '../../drivers/port/port.ts';
import { addressIn } from '../../reference-impl/memory/addresses.ts';
import { VIRTIO_F_VERSION_1 } from '../../reference-impl/virtqueue/feature-bits.ts';
import { errorName } from '../../reference-impl/wire/errno.ts';
import {
  encodeMdevMessage,
  MDEV_HEADER_SIZE,
  MDEV_NEED_REPLY,
  mdevHeader,
  mdevMemoryTablePayload,
  mdevMessages,
} from '../../reference-impl/wire/mdev-messages.ts';
import { decodeStructure, encodeStructure } from '../../reference-impl/wire/structure.ts';
import { type VhostRequest, vhostRequests } from '../../reference-impl/wire/vhost-requests.ts';
import { u64Payload, vringAddressPayload, vringStatePayload } from '../../reference-impl/wire/vhost-user-payloads.ts';

/** Bytes of every answer there is: a header and 8 of payload. */
export const answerLength = MDEV_HEADER_SIZE + 8;

/** The result of a write or read: its bytes, or the name of its error. */
export const resultOf = (result: number): string => (result < 0 ? errorName(result) : `${result} bytes`);

export const noPayload = new Uint8Array();
export const u64 = (value: bigint | number): Uint8Array => encodeStructure(u64Payload, { u64: BigInt(value) });
export const state = (index: number, num: number): Uint8Array => encodeStructure(vringStatePayload, { index, num });

/** The same bytes, cut or with zeros behind them. */
export function resized(bytes: Uint8Array, length: number): Uint8Array {
  const other = new Uint8Array(length);
  other.set(bytes.subarray(0, length));
  return other;
}

export interface MessageShape {
  /** Flags of the header; need-reply for requests that have an answer, unless told. */
  readonly flags?: number;
  /** What the header says of the payload in place of the truth. */
  readonly size?: number;
  /** Where in the region it is written; 0 unless told. */
  readonly offset?: number;
}

/** Bytes of the region of messages. */
export function channelSize({ vfio, places }: VhostMdevSession): number {
  const info = vfio.regionInfo(places.messages);
  return typeof info === 'number' ? 0 : Number(info.size);
}

/** Writes bytes into the region of messages. */
export const written = ({ vfio, places }: VhostMdevSession, bytes: Uint8Array, offset = 0): string =>
  resultOf(vfio.write(places.messages, offset, bytes));

/** Writes a message, sound or not. */
export const sent = (
  session: VhostMdevSession,
  request: VhostRequest | bigint,
  payload: Uint8Array = noPayload,
  { flags = flagsOf(request), offset = 0, ...size }: MessageShape = {},
): string => written(session, encodeMdevMessage(request, payload, { flags, ...size }), offset);

/** As the driver sends it: need-reply where there is one. */
const flagsOf = (request: VhostRequest | bigint): number =>
  typeof request !== 'bigint' && hasAnswer(request) ? MDEV_NEED_REPLY : 0;

export interface SeenAnswer {
  readonly resultOf: string;
  /** Name of the request that it says it answers, or its number. */
  readonly request: string;
  readonly flags: number;
  readonly size: number;
  readonly payload: Uint8Array;
}

const requestNames = new Map(Object.entries(vhostRequests).map(([name, number]) => [BigInt(number), name]));

/** Reads the region of messages; where less than a header comes, the request is `none`. */
export function readAnswer({ vfio, places }: VhostMdevSession, length = answerLength, offset = 0): SeenAnswer {
  const bytes = new Uint8Array(length);
  const read = vfio.read(places.messages, offset, bytes);
  const got = bytes.subarray(0, Math.max(0, read));
  const header = decodeStructure(mdevHeader, got);
  const { request, flags = 0, size = 0 } = header ?? {};
  return {
    resultOf: resultOf(read),
    request: request === undefined ? 'none' : (requestNames.get(request) ?? `0x${request.toString(16)}`),
    flags,
    size,
    payload: got.subarray(Math.min(got.length, MDEV_HEADER_SIZE)),
  };
}

/** The request whose answer waits, by reading it; `none` where nothing does. */
export const waiting = (session: VhostMdevSession): string => readAnswer(session).request;

export const wordIn = ({ payload }: SeenAnswer): bigint | undefined => decodeStructure(u64Payload, payload)?.u64;

export const stateIn = ({ payload }: SeenAnswer): { readonly index: number; readonly num: number } =>
  decodeStructure(vringStatePayload, payload) ?? { index: -1, num: -1 };

/** GET_VRING_BASE and its answer's number; -1 where there is none. Only for a device that is stopped. */
export function baseOf(session: VhostMdevSession, index: number): number {
  sent(session, 'VHOST_GET_VRING_BASE', state(index, 0));
  return stateIn(readAnswer(session)).num;
}

export const requests = Object.keys(mdevMessages) as readonly VhostRequest[];

export const hasAnswer = (request: VhostRequest): boolean => mdevMessages[request].reply !== undefined;

export interface RequestPoint {
  readonly key: string;
  readonly request: VhostRequest;
}

/** The points of a sweep over requests. */
export const eachOf = (some: readonly VhostRequest[]): readonly RequestPoint[] =>
  some.map((request) => ({ key: request.replace('VHOST_', ''), request }));

/** A payload of a request that a stopped device takes, in whichever layout; about ring 0 where it is about one. */
export function soundPayload(session: VhostMdevSession, guest: Guest, request: VhostRequest): Uint8Array {
  switch (request) {
    case 'VHOST_SET_OWNER':
    case 'VHOST_RESET_OWNER':
    case 'VHOST_GET_FEATURES':
      return noPayload;
    case 'VHOST_SET_FEATURES':
      return u64(VIRTIO_F_VERSION_1);
    case 'VHOST_SET_LOG_BASE':
      return u64(0x1000);
    case 'VHOST_SET_VRING_NUM':
      return state(0, 8);
    case 'VHOST_SET_VRING_BASE':
      return state(0, 5);
    case 'VHOST_GET_VRING_BASE':
      return state(0, 0);
    case 'VHOST_DEVICE_SET_STATE':
      return u64(0);
    case 'VHOST_SET_VRING_ADDR':
      return ringAddresses(session, guest);
    case 'VHOST_SET_MEM_TABLE':
      return memoryTable(guest);
  }
}

function ringAddresses({ places }: VhostMdevSession, guest: Guest): Uint8Array {
  const { desc, avail, used } = guest.ring({ layout: 'split', size: 8 });
  const space = places.memory === 'table' ? 'user' : 'io-virtual';
  return encodeStructure(vringAddressPayload, {
    index: 0,
    flags: 0,
    descriptor: addressIn(space, desc),
    used: addressIn(space, used),
    available: addressIn(space, avail),
    log: 0n,
  });
}

function memoryTable(guest: Guest): Uint8Array {
  const regions = guest.regions.map(({ guestAddress, size, userAddress }) => ({
    guestAddress,
    size: BigInt(size),
    userAddress,
  }));
  return encodeStructure(mdevMemoryTablePayload, { numRegions: regions.length, regions });
}
