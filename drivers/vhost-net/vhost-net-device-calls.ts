import { errno, errorName } from '../../reference-impl/wire/errno.ts';
import { decodeStructure, encodeStructure } from '../../reference-impl/wire/structure.ts';
import {
  IOTLB_MESSAGE_SIZE,
  iotlbMessageV2,
  u32Argument,
  vringFile,
} from '../../reference-impl/wire/vdpa-structures.ts';
import { memoryTableBytes, type VhostMemoryRegion } from '../../reference-impl/wire/vhost-net-structures.ts';
import { vhostNetRequests } from '../../reference-impl/wire/vhost-requests.ts';
import { u64Payload } from '../../reference-impl/wire/vhost-user-payloads.ts';
import { PeerProtocolError } from '../errors.ts';
import type { IotlbReport, MemoryTableHeader, VhostNetCalls, VhostNetFile } from '../port/vhost-kernel-door.ts';
import { VhostDeviceCalls } from '../vhost-kernel/vhost-device-calls.ts';

/** The calls of /dev/vhost-net on an open file. */
export class VhostNetDeviceCalls extends VhostDeviceCalls<VhostNetFile> implements VhostNetCalls {
  resetOwner(): number {
    return this.call(vhostNetRequests.VHOST_RESET_OWNER, new Uint8Array());
  }

  setMemory(regions: readonly VhostMemoryRegion[], header: MemoryTableHeader = {}): number {
    return this.call(vhostNetRequests.VHOST_SET_MEM_TABLE, memoryTableBytes(regions, header));
  }

  setLogBase(userAddress: bigint): number {
    return this.tell(vhostNetRequests.VHOST_SET_LOG_BASE, u64Payload, { u64: userAddress });
  }

  setLogEvent(fd: number): number {
    return this.tell(vhostNetRequests.VHOST_SET_LOG_FD, u32Argument, { u32: fd >>> 0 });
  }

  setBackend(index: number, fd: number): number {
    return this.call(vhostNetRequests.VHOST_NET_SET_BACKEND, encodeStructure(vringFile, { index, fd: fd >>> 0 }));
  }

  report(): IotlbReport | undefined {
    const read = this.file.read(IOTLB_MESSAGE_SIZE);
    if (read === -errno.EAGAIN) return undefined;
    if (typeof read === 'number') throw new PeerProtocolError(`a read of the device failed with ${errorName(read)}`);
    const message = decodeStructure(iotlbMessageV2, read);
    if (message === undefined) throw new PeerProtocolError(`a message of ${read.length} bytes`);
    const { type, request, ioVirtualAddress, permission } = message;
    return { type, request, ioVirtualAddress, permission, bytes: read.length };
  }
}
