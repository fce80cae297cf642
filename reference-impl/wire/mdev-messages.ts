import { type Codec, compileLayout } from './compile-layout.ts';
import { padding, repeated, u32, u64 } from './layout.ts';
import { type VhostRequest, vhostRequests } from './vhost-requests.ts';
import { emptyPayload, u64Payload, vringAddressPayload, vringStatePayload } from './vhost-user-payloads.ts';

/** The header of a vhost-mdev message: a request number of vhost, flags, and the bytes of payload behind it. */
export const mdevHeader = compileLayout('vhost-mdev message header', [u64('request'), u32('flags'), u32('size')]);

export const MDEV_HEADER_SIZE = mdevHeader.size;
export const MDEV_NEED_REPLY = 1;

/** Regions that the memory table of layout L1 can hold, by its client. */
export const MDEV_MEMORY_REGIONS_MAXIMUM = 64;

/** struct vhost_memory, the payload of SET_MEM_TABLE in layout L1. */
export const mdevMemoryTablePayload = compileLayout('memory table', [
  u32('numRegions'),
  padding(4),
  repeated('regions', 'numRegions', MDEV_MEMORY_REGIONS_MAXIMUM, [
    u64('guestAddress'),
    u64('size'),
    u64('userAddress'),
    padding(8, 'flags'),
  ]),
]);

export interface MdevMessage {
  readonly payload: Codec<never>;
  /** The answer that waits in the channel afterwards; undefined where there is none. */
  readonly reply: Codec<never> | undefined;
}

const message = <Payload, Reply>(payload: Codec<Payload>, reply?: Codec<Reply>): MdevMessage => ({
  payload: payload as Codec<never>,
  reply: reply as Codec<never> | undefined,
});

/** All messages of layouts L1 and L2. */
export const mdevMessages: Readonly<Record<VhostRequest, MdevMessage>> = {
  VHOST_SET_FEATURES: message(u64Payload),
  VHOST_GET_FEATURES: message(emptyPayload, u64Payload),
  VHOST_SET_OWNER: message(emptyPayload),
  VHOST_RESET_OWNER: message(emptyPayload),
  VHOST_SET_MEM_TABLE: message(mdevMemoryTablePayload),
  VHOST_SET_LOG_BASE: message(u64Payload),
  VHOST_SET_VRING_NUM: message(vringStatePayload),
  VHOST_SET_VRING_ADDR: message(vringAddressPayload),
  VHOST_SET_VRING_BASE: message(vringStatePayload),
  VHOST_GET_VRING_BASE: message(vringStatePayload, vringStatePayload),
  VHOST_DEVICE_SET_STATE: message(u64Payload),
};

/** The bytes of a whole message. `flags` and `size` are written as they are given. */
export function encodeMdevMessage(
  request: VhostRequest | bigint,
  payload: Uint8Array,
  header: { readonly flags?: number; readonly size?: number } = {},
): Uint8Array {
  const bytes = new Uint8Array(MDEV_HEADER_SIZE + payload.length);
  const number = typeof request === 'bigint' ? request : BigInt(vhostRequests[request]);
  const { flags = 0, size = payload.length } = header;
  mdevHeader.encode({ request: number, flags, size }, new DataView(bytes.buffer), 0);
  bytes.set(payload, MDEV_HEADER_SIZE);
  return bytes;
}
