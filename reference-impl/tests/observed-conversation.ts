import { FrontEndWatch, type SeenMessage } from '../oracle/observed/front-end/front-end-watch.ts';
import type { Offer } from '../oracle/observed/front-end/story.ts';
import { Observations } from '../oracle/observed/observations.ts';
import type { Codec } from '../wire/compile-layout.ts';
import {
  bit,
  vhostUserProtocolFeatures as protocol,
  VHOST_USER_REQUEST_FLAGS,
  vhostUserVirtioFeatures as virtio,
} from '../wire/vhost-user-constants.ts';
import { type FrontEndMessageName, requestId } from '../wire/vhost-user-messages.ts';
import {
  emptyPayload,
  memoryRegionsPayload,
  u64Payload,
  vringAddressPayload,
  vringStatePayload,
} from '../wire/vhost-user-payloads.ts';
import { encode } from './session-under-test.ts';

export const word = (...bits: number[]): bigint => bits.reduce((sum, each) => sum | bit(each), 0n);
export const protocolWord = (...names: (keyof typeof protocol)[]): bigint =>
  word(...names.map((name) => protocol[name]));

const VERSION_1 = 32;

export const offer: Offer = {
  device: 'block',
  features: word(VERSION_1, virtio.VHOST_USER_F_PROTOCOL_FEATURES, 9, 28, 29, 33, 34),
  protocolFeatures: word(...Object.values(protocol).filter((number) => number !== protocol.VHOST_USER_PROTOCOL_F_RARP)),
  rings: 2,
  memorySlots: 3,
};

export const negotiatedFeatures = word(VERSION_1, virtio.VHOST_USER_F_PROTOCOL_FEATURES);
export const negotiatedProtocol =
  offer.protocolFeatures &
  ~protocolWord('VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS', 'VHOST_USER_PROTOCOL_F_XEN_MMAP');

export interface Said {
  readonly name: FrontEndMessageName | number;
  readonly payload?: Uint8Array;
  readonly descriptors?: number;
  readonly flags?: number;
  readonly late?: boolean;
  readonly refusal?: string;
}

export function said<Value>(
  name: FrontEndMessageName,
  codec: Codec<Value>,
  value: Value,
  more: Omit<Said, 'name' | 'payload'> = {},
): Said {
  return { name, payload: encode(codec, value), ...more };
}

export const plain = (name: FrontEndMessageName, more: Omit<Said, 'name'> = {}): Said => ({
  name,
  payload: encode(emptyPayload, {}),
  ...more,
});
export const u64Said = (name: FrontEndMessageName, u64: bigint, more: Omit<Said, 'name' | 'payload'> = {}): Said =>
  said(name, u64Payload, { u64 }, more);
export const state = (name: FrontEndMessageName, index: number, num: number): Said =>
  said(name, vringStatePayload, { index, num });

export const region = { guestAddress: 0n, size: 0x10_0000n, userAddress: 0x7f00_0000_0000n, mmapOffset: 0n };

export const memoryTable = (...regions: (typeof region)[]): Said =>
  said(
    'VHOST_USER_SET_MEM_TABLE',
    memoryRegionsPayload,
    { numRegions: regions.length, regions },
    {
      descriptors: regions.length,
    },
  );

export const addresses = (index: number, at = region.userAddress): Said =>
  said('VHOST_USER_SET_VRING_ADDR', vringAddressPayload, {
    index,
    flags: 0,
    descriptor: at,
    available: at + 0x4000n,
    used: at + 0x5000n,
    log: 0n,
  });

/** A front-end that negotiates, shares memory, starts ring 0, and stops it again. */
export const lawful: readonly Said[] = [
  plain('VHOST_USER_GET_FEATURES'),
  plain('VHOST_USER_GET_PROTOCOL_FEATURES'),
  u64Said('VHOST_USER_SET_PROTOCOL_FEATURES', negotiatedProtocol),
  plain('VHOST_USER_SET_OWNER'),
  plain('VHOST_USER_GET_QUEUE_NUM'),
  u64Said('VHOST_USER_SET_FEATURES', negotiatedFeatures, { flags: VHOST_USER_REQUEST_FLAGS | 8 }),
  u64Said('VHOST_USER_SET_STATUS', 0x0bn),
  memoryTable(region),
  state('VHOST_USER_SET_VRING_NUM', 0, 128),
  state('VHOST_USER_SET_VRING_BASE', 0, 0),
  addresses(0),
  u64Said('VHOST_USER_SET_VRING_KICK', 0n, { descriptors: 1 }),
  u64Said('VHOST_USER_SET_VRING_CALL', 0n, { descriptors: 1 }),
  state('VHOST_USER_SET_VRING_ENABLE', 0, 1),
  u64Said('VHOST_USER_SET_STATUS', 0x0fn),
  state('VHOST_USER_GET_VRING_BASE', 0, 0),
];

export const seen = ({ name, payload = new Uint8Array(), descriptors = 0, flags, late }: Said): SeenMessage => ({
  request: typeof name === 'number' ? name : requestId[name],
  flags: flags ?? VHOST_USER_REQUEST_FLAGS,
  payload: new DataView(payload.buffer, payload.byteOffset, payload.byteLength),
  descriptors,
  descriptorsLate: late ?? false,
});

export interface Judged {
  readonly observations: Observations;
  /** Refusals that no rule explains. */
  readonly unexplained: readonly string[];
}

export function judged(messages: readonly Said[], of: Offer = offer): Judged {
  const observations = new Observations();
  const watch = new FrontEndWatch(of, observations.tell);
  const unexplained: string[] = [];
  for (const message of messages) {
    const left = watch.received(seen(message), message.refusal);
    if (left !== undefined) unexplained.push(`${left.request}: ${left.why}`);
  }
  return { observations, unexplained };
}

export const brokenIn = ({ observations }: Judged): string[] =>
  observations.requirements.filter((slug) => (observations.of(slug)?.broken ?? 0) > 0).sort();
