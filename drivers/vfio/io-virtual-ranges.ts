import { vfioIommuCapabilities, vfioIommuInfo, vfioRequests } from '../../reference-impl/wire/vfio-structures.ts';
import type { VfioKernel } from './vfio-kernel.ts';

/** I/O-virtual addresses that an IOMMU takes, both ends included. */
export interface IoVirtualRange {
  readonly first: bigint;
  readonly last: bigint;
}

const infoBytes = 4096;
const headerBytes = 8;
const countAt = headerBytes;
const rangesAt = 16;
const rangeBytes = 16;

/**
 * What VFIO_IOMMU_GET_INFO tells of the ranges that are left for us: without the addresses of interrupts, and of a width
 * that the IOMMU has. Undefined where the kernel does not tell.
 */
export function ioVirtualRangesOf(
  container: number,
  kernel: Pick<VfioKernel, 'deviceIoctl'>,
): IoVirtualRange[] | undefined {
  const bytes = new Uint8Array(infoBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, infoBytes, true);
  if (kernel.deviceIoctl(container, vfioRequests.VFIO_IOMMU_GET_INFO, bytes) < 0) return undefined;
  if ((view.getUint32(vfioIommuInfo.flags, true) & vfioIommuInfo.HAS_CAPABILITIES) === 0) return undefined;
  const seen = new Set<number>();
  let at = view.getUint32(vfioIommuInfo.capabilityOffset, true);
  while (at >= headerBytes && at + rangesAt <= infoBytes && !seen.has(at)) {
    seen.add(at);
    if (view.getUint16(at, true) === vfioIommuCapabilities.IOVA_RANGE) return rangesIn(view, at);
    at = view.getUint32(at + 4, true);
  }
  return undefined;
}

function rangesIn(view: DataView, at: number): IoVirtualRange[] {
  const room = Math.floor((infoBytes - at - rangesAt) / rangeBytes);
  const count = Math.min(view.getUint32(at + countAt, true), room);
  return Array.from({ length: count }, (_, n) => {
    const range = at + rangesAt + n * rangeBytes;
    return { first: view.getBigUint64(range, true), last: view.getBigUint64(range + 8, true) };
  });
}
