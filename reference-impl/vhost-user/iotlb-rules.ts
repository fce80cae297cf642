import type { AddressSpace } from '../memory/addresses.ts';
import type { IotlbEntry, IotlbFault, MemoryMap } from '../memory/memory-map.ts';

/** What a back-end tells its front-end of an access that it could not make. */
export type IotlbReport = 'miss' | 'access-fail';

/** How translations are kept and asked for once VIRTIO_F_ACCESS_PLATFORM is negotiated. */
export interface IotlbRules {
  /** The spaces of ring addresses and of the addresses in descriptors. */
  readonly ringSpace: AddressSpace;
  readonly bufferSpace: AddressSpace;
  /** Whether an entry leads into the memory that was told. */
  readonly acceptsUpdate: (memory: MemoryMap, entry: IotlbEntry) => boolean;
  readonly stored: (entry: IotlbEntry) => IotlbEntry;
  /** Whether VHOST_IOTLB_INVALIDATE drops entries. */
  readonly invalidates: boolean;
  /** Whether an update lets requests go on that wait for one, and starts rings that do. */
  readonly resumes: boolean;
  readonly startsRings: boolean;
  /** What is told of an access that failed. */
  readonly reported: (kind: IotlbReport, fault: IotlbFault) => readonly IotlbFault[];
}

export const iotlbRules: IotlbRules = {
  ringSpace: 'io-virtual',
  bufferSpace: 'io-virtual',
  acceptsUpdate: (memory, { userAddress, size }) => memory.isMapped(userAddress, Number(size)),
  stored: (entry) => entry,
  invalidates: true,
  resumes: true,
  startsRings: true,
  reported: (_, fault) => [fault],
};
