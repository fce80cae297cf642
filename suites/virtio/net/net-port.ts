import type { Queue } from '../../../drivers/port/port.ts';
import type { Applies, CaseContext, VariantAxes } from '../../case.ts';

/** A transmit ring and the receive ring to which its frames come back. */
export interface NetPort {
  readonly transmit: Queue;
  readonly receive: Queue;
}

/** For cases in which frames that are transmitted are received. */
export const framesComeBack: NonNullable<Applies['when']>[number] = {
  holds: ({ workload }) => workload.kind === 'net' && workload['returns'] === 'same-port',
  missing: 'frames that come back to the port',
};

export function netPort(
  { driver, ring }: Pick<CaseContext<string, VariantAxes>, 'driver' | 'ring'>,
  size = 64,
): NetPort {
  const transmit = driver.attach(ring({ size }));
  return { transmit, receive: driver.companion(driver.net.facts.receiveIndex) };
}

/** Fields of struct virtio_net_hdr (virtio 5.1.6). */
export interface NetHeader {
  readonly flags: number;
  readonly gsoType: number;
  readonly hdrLen: number;
  readonly gsoSize: number;
  readonly csumStart: number;
  readonly csumOffset: number;
  readonly numBuffers: number;
}

export const VIRTIO_NET_HDR_F_DATA_VALID = 2;
export const VIRTIO_NET_HDR_F_RSC_INFO = 4;

export const VIRTIO_NET_HDR_GSO_NONE = 0;
export const VIRTIO_NET_HDR_GSO_TCPV4 = 1;
export const VIRTIO_NET_HDR_GSO_UDP = 3;
export const VIRTIO_NET_HDR_GSO_TCPV6 = 4;
export const VIRTIO_NET_HDR_GSO_UDP_L4 = 5;
export const VIRTIO_NET_HDR_GSO_ECN = 0x80;

/** Bytes of struct virtio_net_hdr with num_buffers. */
const wholeHeader = 12;

export function encodeNetHeader(fields: Partial<NetHeader>): Uint8Array {
  const view = new DataView(new ArrayBuffer(wholeHeader));
  view.setUint8(0, fields.flags ?? 0);
  view.setUint8(1, fields.gsoType ?? 0);
  view.setUint16(2, fields.hdrLen ?? 0, true);
  view.setUint16(4, fields.gsoSize ?? 0, true);
  view.setUint16(6, fields.csumStart ?? 0, true);
  view.setUint16(8, fields.csumOffset ?? 0, true);
  view.setUint16(10, fields.numBuffers ?? 0, true);
  return new Uint8Array(view.buffer);
}

/** Of at least 12 bytes. */
export function decodeNetHeader(bytes: Uint8Array): NetHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, wholeHeader);
  return {
    flags: view.getUint8(0),
    gsoType: view.getUint8(1),
    hdrLen: view.getUint16(2, true),
    gsoSize: view.getUint16(4, true),
    csumStart: view.getUint16(6, true),
    csumOffset: view.getUint16(8, true),
    numBuffers: view.getUint16(10, true),
  };
}
