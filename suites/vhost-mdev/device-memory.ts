import type { Guest, VhostMdevSession } from '../../drivers/port/port.ts';
import { encodeStructure } from '../../reference-impl/wire/structure.ts';
import {
  VFIO_DMA_MAP_FLAG_READ,
  VFIO_DMA_MAP_FLAG_WRITE,
  vfioDmaMap,
  vfioDmaUnmap,
  vfioRequests,
} from '../../reference-impl/wire/vfio-structures.ts';
import { type Answer, answerOf } from './ring-messages.ts';

export type { Answer } from './ring-messages.ts';

export interface TableRegion {
  readonly guestAddress: bigint;
  readonly size: bigint;
  readonly userAddress: bigint;
  /** 0 unless told. */
  readonly flags?: bigint;
}

export const regionsOf = (guests: readonly Guest[]): TableRegion[] =>
  guests.flatMap(({ regions }) =>
    regions.map(({ guestAddress, size, userAddress }) => ({ guestAddress, size: BigInt(size), userAddress })),
  );

/** The payload of SET_MEM_TABLE, with any count and padding. */
export function tableOf(
  regions: readonly TableRegion[],
  header: { readonly count?: number; readonly padding?: number } = {},
): Uint8Array {
  const bytes = new Uint8Array(8 + 32 * regions.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, header.count ?? regions.length, true);
  view.setUint32(4, header.padding ?? 0, true);
  for (const [n, { guestAddress, size, userAddress, flags = 0n }] of regions.entries()) {
    for (const [field, value] of [guestAddress, size, userAddress, flags].entries()) {
      view.setBigUint64(8 + 32 * n + 8 * field, value, true);
    }
  }
  return bytes;
}

/** SET_MEM_TABLE with any payload. */
export const setTable = ({ channel }: VhostMdevSession, payload: Uint8Array): Answer =>
  answerOf(channel.exchange('VHOST_SET_MEM_TABLE', payload));

/** Each region of a table cut into as many of equal size. */
export const cutRegions = (regions: readonly TableRegion[], pieces: number): TableRegion[] =>
  regions.flatMap(({ guestAddress, size, userAddress }) => {
    const part = size / BigInt(pieces);
    return Array.from({ length: pieces }, (_, n) => {
      const offset = part * BigInt(n);
      return { guestAddress: guestAddress + offset, size: part, userAddress: userAddress + offset };
    });
  });

/** VFIO_IOMMU_MAP_DMA of all regions of a guest, `distance` bytes beyond their I/O-virtual addresses. */
export function mapGuest(
  { vfio }: VhostMdevSession,
  guest: Guest,
  options: { readonly distance?: bigint; readonly permission?: 'read' | 'write' | 'read-write' } = {},
): Answer {
  const { distance = 0n, permission = 'read-write' } = options;
  const answers = guest.regions.map(({ ioVirtualAddress, userAddress, size }) =>
    answerOf(
      vfio.mapDma({ ioVirtualAddress: ioVirtualAddress + distance, userAddress, size: BigInt(size), permission }),
    ),
  );
  return answers.find((answer) => answer !== 'taken') ?? 'taken';
}

/** VFIO_IOMMU_UNMAP_DMA of each of them. */
export function unmapGuest({ vfio }: VhostMdevSession, guest: Guest): Answer {
  const answers = guest.regions.map(({ ioVirtualAddress, size }) =>
    answerOf(vfio.unmapDma({ ioVirtualAddress, size: BigInt(size) })),
  );
  return answers.find((answer) => answer !== 'taken') ?? 'taken';
}

export interface ContainerRange {
  readonly ioVirtualAddress: bigint;
  readonly userAddress: bigint;
  readonly size: bigint;
}

/** VFIO_IOMMU_MAP_DMA with any flags and argsz. */
export const mapWith = (
  { vfio }: VhostMdevSession,
  range: ContainerRange,
  { flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE, argsz = vfioDmaMap.size },
): Answer =>
  answerOf(
    vfio.file.containerIoctl(vfioRequests.VFIO_IOMMU_MAP_DMA, encodeStructure(vfioDmaMap, { argsz, flags, ...range })),
  );

/** VFIO_IOMMU_UNMAP_DMA with any flags and argsz. */
export const unmapWith = (
  { vfio }: VhostMdevSession,
  { ioVirtualAddress, size }: Omit<ContainerRange, 'userAddress'>,
  { flags = 0, argsz = vfioDmaUnmap.size },
): Answer =>
  answerOf(
    vfio.file.containerIoctl(
      vfioRequests.VFIO_IOMMU_UNMAP_DMA,
      encodeStructure(vfioDmaUnmap, { argsz, flags, ioVirtualAddress, size }),
    ),
  );
