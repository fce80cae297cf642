import type { AddressSpace } from '../memory/addresses.ts';
import { type IotlbEntry, type IotlbFault, isFailure, type MemoryMap } from '../memory/memory-map.ts';

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
  /** What is told of an access that failed; undefined: nothing. */
  readonly reported: (kind: IotlbReport, fault: IotlbFault) => IotlbFault | undefined;
}

const isWithin = (memory: MemoryMap, { userAddress, size }: IotlbEntry): boolean =>
  size > 0n &&
  size <= BigInt(Number.MAX_SAFE_INTEGER) &&
  !isFailure(memory.translate('user', userAddress, Number(size)));

const endOfAddresses = 1n << 64n;

export const iotlbRules: IotlbRules = {
  ringSpace: 'io-virtual',
  bufferSpace: 'io-virtual',
  acceptsUpdate: (memory, entry) => entry.ioVirtualAddress + entry.size <= endOfAddresses && isWithin(memory, entry),
  stored: (entry) => entry,
  invalidates: true,
  resumes: true,
  startsRings: true,
  reported: (_, fault) => fault,
};
