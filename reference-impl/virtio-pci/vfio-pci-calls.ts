import type { Codec } from '../wire/compile-layout.ts';
import { errno } from '../wire/errno.ts';
import { decodeStructure } from '../wire/structure.ts';
import {
  VFIO_DEVICE_FLAGS_PCI,
  VFIO_DEVICE_FLAGS_RESET,
  VFIO_IRQ_INFO_AUTOMASKED,
  VFIO_IRQ_INFO_EVENTFD,
  VFIO_IRQ_INFO_MASKABLE,
  VFIO_IRQ_INFO_NORESIZE,
  VFIO_REGION_INFO_FLAG_READ,
  VFIO_REGION_INFO_FLAG_WRITE,
  VFIO_REGION_SPAN,
  vfioDeviceInfo,
  vfioIrqInfo,
  vfioIrqSet,
  vfioPci,
  vfioRegionInfo,
  vfioRequests,
} from '../wire/vfio-structures.ts';
import type { VfioPciInterrupts } from './vfio-pci-interrupts.ts';

/** What calls need of a device. */
export interface CalledVfioPci {
  readonly interrupts: VfioPciInterrupts;
  /** Bytes of a region; 0 for an index without one. */
  regionSize(index: number): number;
  resetFunction(): void;
}

/** An ioctl on the device: 0, or an error negated. What it tells is written into the argument. */
export function vfioPciCall(device: CalledVfioPci, request: number, argument: Uint8Array): number {
  switch (request) {
    case vfioRequests.VFIO_DEVICE_GET_INFO:
      return told(vfioDeviceInfo, argument, ({ argsz }) => ({
        argsz,
        flags: VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET,
        numRegions: vfioPci.NUM_REGIONS,
        numIrqs: vfioPci.NUM_IRQS,
      }));
    case vfioRequests.VFIO_DEVICE_GET_REGION_INFO:
      return told(vfioRegionInfo, argument, ({ argsz, index }) => {
        if (index >= vfioPci.NUM_REGIONS) return undefined;
        const size = device.regionSize(index);
        const flags = size > 0 ? VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE : 0;
        return { argsz, flags, index, capOffset: 0, size: BigInt(size), offset: BigInt(index * VFIO_REGION_SPAN) };
      });
    case vfioRequests.VFIO_DEVICE_GET_IRQ_INFO:
      return told(vfioIrqInfo, argument, ({ argsz, index }) => {
        if (index >= vfioPci.NUM_IRQS) return undefined;
        return { argsz, flags: interruptFlags(index), index, count: device.interrupts.count(index) };
      });
    case vfioRequests.VFIO_DEVICE_SET_IRQS: {
      const set = decodeStructure(vfioIrqSet, argument);
      return set === undefined ? -errno.EFAULT : device.interrupts.set(set, argument.subarray(vfioIrqSet.size));
    }
    case vfioRequests.VFIO_DEVICE_RESET:
      device.resetFunction();
      return 0;
  }
  return -errno.ENOTTY;
}

function interruptFlags(index: number): number {
  if (index === vfioPci.INTX_IRQ_INDEX) {
    return VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED;
  }
  return index === vfioPci.MSIX_IRQ_INDEX ? VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE : VFIO_IRQ_INFO_EVENTFD;
}

/** Writes what is told of the value in the argument; undefined is EINVAL. */
function told<V extends { readonly argsz: number }>(
  codec: Codec<V>,
  argument: Uint8Array,
  tell: (value: V) => V | undefined,
): number {
  const value = decodeStructure(codec, argument);
  if (value === undefined) return -errno.EFAULT;
  const answer = value.argsz < codec.size ? undefined : tell(value);
  if (answer === undefined) return -errno.EINVAL;
  codec.encode(answer, new DataView(argument.buffer, argument.byteOffset), 0);
  return 0;
}
