import { featureMask } from '../catalogue/feature-set.ts';

/** Packets of a socket device (virtio 5.10.6): a header of little-endian fields, and the payload behind it. */

export const VIRTIO_ID_VSOCK = 19;

export const VIRTIO_VSOCK_F_STREAM = featureMask('VIRTIO_VSOCK_F_STREAM');
export const VIRTIO_VSOCK_F_SEQPACKET = featureMask('VIRTIO_VSOCK_F_SEQPACKET');
export const VIRTIO_VSOCK_F_NO_IMPLIED_STREAM = featureMask('VIRTIO_VSOCK_F_NO_IMPLIED_STREAM');

/** Queues by number. */
export const vsockQueues = { rx: 0, tx: 1, event: 2 } as const;

/** The well-known CID of the host, and those that no guest has. */
export const VSOCK_HOST_CID = 2n;
export const reservedCids: readonly bigint[] = [0n, 1n, VSOCK_HOST_CID, 0xffff_ffffn, 0xffff_ffff_ffff_ffffn];

export const vsockTypes = { stream: 1, seqpacket: 2 } as const;

export const vsockOps = {
  invalid: 0,
  request: 1,
  response: 2,
  rst: 3,
  shutdown: 4,
  rw: 5,
  creditUpdate: 6,
  creditRequest: 7,
} as const;
export type VsockOperation = keyof typeof vsockOps;

/** VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE and _SEND, VIRTIO_VSOCK_SEQ_EOM and _EOR. */
export const vsockShutdown = { receive: 1, send: 2, both: 3 } as const;
export const vsockSeq = { endOfMessage: 1, endOfRecord: 2 } as const;

export const VIRTIO_VSOCK_EVENT_TRANSPORT_RESET = 0;
export const VSOCK_EVENT_SIZE = 4;

export const VSOCK_HEADER_SIZE = 44;
export const VSOCK_CONFIG_SIZE = 8;

export interface VsockHeader {
  readonly srcCid: bigint;
  readonly dstCid: bigint;
  readonly srcPort: number;
  readonly dstPort: number;
  readonly len: number;
  readonly type: number;
  readonly op: number;
  readonly flags: number;
  readonly bufAlloc: number;
  readonly fwdCnt: number;
}

const field = {
  srcCid: 0,
  dstCid: 8,
  srcPort: 16,
  dstPort: 20,
  len: 24,
  type: 28,
  op: 30,
  flags: 32,
  bufAlloc: 36,
  fwdCnt: 40,
} as const;

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Of at least 44 bytes. */
export function decodeVsockHeader(bytes: Uint8Array): VsockHeader {
  const view = viewOf(bytes);
  return {
    srcCid: view.getBigUint64(field.srcCid, true),
    dstCid: view.getBigUint64(field.dstCid, true),
    srcPort: view.getUint32(field.srcPort, true),
    dstPort: view.getUint32(field.dstPort, true),
    len: view.getUint32(field.len, true),
    type: view.getUint16(field.type, true),
    op: view.getUint16(field.op, true),
    flags: view.getUint32(field.flags, true),
    bufAlloc: view.getUint32(field.bufAlloc, true),
    fwdCnt: view.getUint32(field.fwdCnt, true),
  };
}

/** A packet with that payload; `len` is what the header says. */
export function encodeVsockPacket(header: VsockHeader, payload: Uint8Array = new Uint8Array()): Uint8Array {
  const bytes = new Uint8Array(VSOCK_HEADER_SIZE + payload.length);
  const view = viewOf(bytes);
  view.setBigUint64(field.srcCid, header.srcCid, true);
  view.setBigUint64(field.dstCid, header.dstCid, true);
  view.setUint32(field.srcPort, header.srcPort, true);
  view.setUint32(field.dstPort, header.dstPort, true);
  view.setUint32(field.len, header.len, true);
  view.setUint16(field.type, header.type, true);
  view.setUint16(field.op, header.op, true);
  view.setUint32(field.flags, header.flags, true);
  view.setUint32(field.bufAlloc, header.bufAlloc, true);
  view.setUint32(field.fwdCnt, header.fwdCnt, true);
  bytes.set(payload, VSOCK_HEADER_SIZE);
  return bytes;
}

/** The identifier in an event buffer. */
export function encodeVsockEvent(id: number): Uint8Array {
  const bytes = new Uint8Array(VSOCK_EVENT_SIZE);
  viewOf(bytes).setUint32(0, id, true);
  return bytes;
}

/** Configuration: the guest's CID. */
export function encodeVsockConfig(guestCid: bigint): Uint8Array {
  const bytes = new Uint8Array(VSOCK_CONFIG_SIZE);
  viewOf(bytes).setBigUint64(0, guestCid, true);
  return bytes;
}
