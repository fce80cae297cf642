import type { DeviceLayoutName } from '../../reference-impl/observations/event.ts';
import type { EventLog } from '../../reference-impl/observations/event-log.ts';
import { decodeStructure, encodeStructure } from '../../reference-impl/wire/structure.ts';
import {
  VFIO_DMA_MAP_FLAG_READ,
  VFIO_DMA_MAP_FLAG_WRITE,
  VFIO_IRQ_SET_ACTION_TRIGGER,
  VFIO_IRQ_SET_ACTION_UNMASK,
  VFIO_IRQ_SET_DATA_EVENTFD,
  VFIO_IRQ_SET_DATA_NONE,
  VFIO_REGION_SPAN,
  vfioDeviceInfo,
  vfioDmaMap,
  vfioDmaUnmap,
  vfioIrqInfo,
  vfioIrqSet,
  vfioRegionInfo,
  vfioRequests,
} from '../../reference-impl/wire/vfio-structures.ts';
import type {
  DeviceInfo,
  DmaPermission,
  DmaRange,
  IrqInfo,
  RegionInfo,
  VfioDevice,
  VfioFile,
  VfioMapping,
} from '../port/vhost-mdev-door.ts';
import { RecordedVfioFile } from './recorded-vfio-file.ts';

const permissionFlags: Readonly<Record<DmaPermission, number>> = {
  read: VFIO_DMA_MAP_FLAG_READ,
  write: VFIO_DMA_MAP_FLAG_WRITE,
  'read-write': VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
};

/** The calls of VFIO on a file of it, entered in the log. */
export class OpenVfioDevice implements VfioDevice {
  readonly file: VfioFile;
  readonly #recorded: RecordedVfioFile;
  readonly #regions = new Map<number, RegionInfo | number>();

  /** @param session that the log knows the device by. */
  constructor(file: VfioFile, log: EventLog, session: number) {
    this.#recorded = new RecordedVfioFile(file, log, session);
    this.file = this.#recorded;
  }

  /** Says what the regions are: readers of the log go by it. */
  setLayout(layout: DeviceLayoutName): void {
    this.#recorded.setLayout(layout);
  }

  deviceInfo(): DeviceInfo | number {
    const argument = encodeStructure(vfioDeviceInfo, {
      argsz: vfioDeviceInfo.size,
      flags: 0,
      numRegions: 0,
      numIrqs: 0,
    });
    const answer = this.file.ioctl(vfioRequests.VFIO_DEVICE_GET_INFO, argument);
    return answer < 0 ? answer : (decodeStructure(vfioDeviceInfo, argument) ?? answer);
  }

  regionInfo(index: number): RegionInfo | number {
    const known = this.#regions.get(index);
    if (known !== undefined) return known;
    const { size: argsz } = vfioRegionInfo;
    const argument = encodeStructure(vfioRegionInfo, { argsz, flags: 0, index, capOffset: 0, size: 0n, offset: 0n });
    const answer = this.file.ioctl(vfioRequests.VFIO_DEVICE_GET_REGION_INFO, argument);
    const info = answer < 0 ? answer : (decodeStructure(vfioRegionInfo, argument) ?? answer);
    this.#regions.set(index, info);
    return info;
  }

  irqInfo(index: number): IrqInfo | number {
    const argument = encodeStructure(vfioIrqInfo, { argsz: vfioIrqInfo.size, flags: 0, index, count: 0 });
    const answer = this.file.ioctl(vfioRequests.VFIO_DEVICE_GET_IRQ_INFO, argument);
    return answer < 0 ? answer : (decodeStructure(vfioIrqInfo, argument) ?? answer);
  }

  read(region: number, offset: number, bytes: Uint8Array, count = bytes.length): number {
    return this.file.pread(this.#positionOf(region) + offset, bytes, count);
  }

  write(region: number, offset: number, bytes: Uint8Array, count = bytes.length): number {
    return this.file.pwrite(this.#positionOf(region) + offset, bytes, count);
  }

  map(region: number, offset: number, length: number): VfioMapping | number {
    return this.file.map(this.#positionOf(region) + offset, length);
  }

  store16(mapping: VfioMapping, region: number, offset: number, value: number): void {
    this.#recorded.store16(mapping, this.#positionOf(region) + offset, value);
  }

  setIrqEvents(index: number, start: number, events: readonly number[]): number {
    const flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
    return this.#setIrqs(flags, index, start, events.length, new Uint8Array(Int32Array.from(events).buffer));
  }

  dropIrqs(index: number, start = 0): number {
    return this.#setIrqs(VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER, index, start, 0, new Uint8Array());
  }

  unmaskIrq(index: number): number {
    return this.#setIrqs(VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK, index, 0, 1, new Uint8Array());
  }

  mapDma(range: DmaRange & { readonly userAddress: bigint; readonly permission?: DmaPermission }): number {
    const { ioVirtualAddress, userAddress, size, permission = 'read-write' } = range;
    const flags = permissionFlags[permission];
    const value = { argsz: vfioDmaMap.size, flags, userAddress, ioVirtualAddress, size };
    return this.file.containerIoctl(vfioRequests.VFIO_IOMMU_MAP_DMA, encodeStructure(vfioDmaMap, value));
  }

  unmapDma({ ioVirtualAddress, size }: DmaRange): bigint | number {
    const argument = encodeStructure(vfioDmaUnmap, { argsz: vfioDmaUnmap.size, flags: 0, ioVirtualAddress, size });
    const answer = this.file.containerIoctl(vfioRequests.VFIO_IOMMU_UNMAP_DMA, argument);
    return answer < 0 ? answer : (decodeStructure(vfioDmaUnmap, argument)?.size ?? answer);
  }

  reset(): number {
    return this.file.ioctl(vfioRequests.VFIO_DEVICE_RESET, new Uint8Array());
  }

  close(): void {
    this.file.close();
  }

  /** Where a region begins; an index without one is where it would be. */
  #positionOf(region: number): number {
    const info = this.regionInfo(region);
    return typeof info === 'number' ? region * VFIO_REGION_SPAN : Number(info.offset);
  }

  #setIrqs(flags: number, index: number, start: number, count: number, data: Uint8Array): number {
    const fixed = encodeStructure(vfioIrqSet, { argsz: vfioIrqSet.size + data.length, flags, index, start, count });
    const argument = new Uint8Array(fixed.length + data.length);
    argument.set(fixed);
    argument.set(data, fixed.length);
    return this.file.ioctl(vfioRequests.VFIO_DEVICE_SET_IRQS, argument);
  }
}
