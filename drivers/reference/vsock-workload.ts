import { referenceGuestCid } from '../../reference-impl/devices/vsock-host.ts';
import { encodeVsockPacket, VSOCK_HOST_CID, vsockOps, vsockTypes } from '../../reference-impl/devices/vsock-layout.ts';
import type { WorkloadFacts } from '../port/target-facts.ts';

/** RST of a stream that is none, to the host: it is taken, and nothing comes back. */
const reset = encodeVsockPacket({
  srcCid: referenceGuestCid,
  dstCid: VSOCK_HOST_CID,
  srcPort: 12_345,
  dstPort: 1,
  len: 0,
  type: vsockTypes.stream,
  op: vsockOps.rst,
  flags: 0,
  bufAlloc: 0x1_0000,
  fwdCnt: 0,
});

/** What a socket device does with a buffer: we have no driver of it. Ring 0 receives, ring 1 transmits (virtio 5.10.2). */
export const vsockWorkload = {
  kind: 'generic',
  queueIndex: 1,
  companions: [0],
  request: { readable: Buffer.from(reset).toString('hex'), writable: 0, writes: { least: 0, most: 0 } },
} as const satisfies WorkloadFacts;
